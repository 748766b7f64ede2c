/* wire, errors: why something failed, as callers get it, and the core too. */
#ifndef STOCKADE_SRC_ERRORS_H
#define STOCKADE_SRC_ERRORS_H

#include "writing.h"

struct stockade_error {
    stockade_status status;
    const char *code, *message; /* behind the struct */
    stockade_value data;
    unsigned char *data_bytes; /* what `data` points into */
};

/* What is said when there is no memory to say it with. */
static const stockade_error WITHOUT_MEMORY = {STOCKADE_NO_MEMORY, "", NO_MEMORY, {STOCKADE_MISSING, {0}}, NULL};

/* This error as one that a caller frees. */
static stockade_error *without_memory(void) {
    return (stockade_error *)(uintptr_t)&WITHOUT_MEMORY;
}

static bool error_set_data(stockade_error *error, stockade_value data) {
    struct buffer buffer = {0};
    if (data.kind == STOCKADE_MISSING)
        return true;
    if (put_value(&buffer, data, DEPTH - 3) != NULL) { /* in a batch, a message, and the error's map */
        buffer_free(&buffer);
        return false;
    }
    error->data_bytes = buffer.data;
    const unsigned char *at = buffer.data;
    error->data = item_read(&at, buffer.data + buffer.size);
    return true;
}

/* Never NULL; data that cannot be said is left out. */
static stockade_error *error_make(stockade_status status, const char *code, size_t code_size, const char *message,
                                  size_t message_size, stockade_value data) {
    stockade_error *error = calloc(1, sizeof *error + code_size + message_size + 2);
    if (error == NULL)
        return without_memory();
    char *text = (char *)(error + 1);
    memcpy(text, code, code_size);
    memcpy(text + code_size + 1, message, message_size);
    error->status = status;
    error->code = text;
    error->message = text + code_size + 1;
    error_set_data(error, data);
    return error;
}

static stockade_error *error_plain(stockade_status status, const char *code, const char *message) {
    stockade_value none = {STOCKADE_MISSING, {0}};
    return error_make(status, code, strlen(code), message, strlen(message), none);
}

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static stockade_error *
error_of(stockade_status status, const char *code, const char *format, ...) {
    char message[512];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(message, sizeof message, format, values);
    va_end(values);
    return size < 0 ? without_memory() : error_plain(status, code, message);
}

static stockade_error *error_copy(const stockade_error *error) {
    if (error == &WITHOUT_MEMORY)
        return without_memory();
    return error_make(error->status, error->code, strlen(error->code), error->message, strlen(error->message),
                      error->data);
}

/* Give the error to the caller, or to nobody if there is none. Returns its status. */
static stockade_status error_give(stockade_error **out, stockade_error *error) {
    stockade_status status = error->status;
    if (out != NULL)
        *out = error;
    else
        stockade_error_free(error);
    return status;
}

static stockade_status misuse(stockade_error **out, const char *message) {
    return error_give(out, error_plain(STOCKADE_MISUSE, "", message));
}

/* Why a value cannot be sent, as put_value says it. */
static stockade_status cannot_say(stockade_error **out, const char *where, const char *fault) {
    if (fault == NO_MEMORY)
        return error_give(out, without_memory());
    return error_give(out, error_of(STOCKADE_UNENCODABLE, "", "%s: %s", where, fault));
}

stockade_error *stockade_error_new(const char *code, const char *message, stockade_value data) {
    if (code == NULL || message == NULL || !is_utf8(code, strlen(code)) || !is_utf8(message, strlen(message)))
        return NULL;
    stockade_error *error = error_plain(STOCKADE_COMMAND, code, message);
    if (error == &WITHOUT_MEMORY)
        return NULL;
    if (!error_set_data(error, data)) {
        stockade_error_free(error);
        return NULL;
    }
    return error;
}

void stockade_error_free(stockade_error *error) {
    if (error == NULL || error == &WITHOUT_MEMORY)
        return;
    free(error->data_bytes);
    free(error);
}

stockade_status stockade_error_status(const stockade_error *error) {
    return error ? error->status : STOCKADE_OK;
}
const char *stockade_error_code(const stockade_error *error) {
    return error ? error->code : "";
}
const char *stockade_error_message(const stockade_error *error) {
    return error ? error->message : "";
}
stockade_value stockade_error_data(const stockade_error *error) {
    stockade_value missing = {STOCKADE_MISSING, {0}};
    return error ? error->data : missing;
}
bool stockade_error_is(const stockade_error *error, const char *code) {
    return error != NULL && error->status == STOCKADE_COMMAND && strcmp(error->code, code) == 0;
}

/* The map of an error, as messages have it. */
static void put_error(struct buffer *buffer, const stockade_error *error) {
    bool is_data = error->data.kind != STOCKADE_MISSING;
    put_map(buffer, is_data ? 3 : 2);
    put_text(buffer, "code");
    put_text(buffer, error->code);
    put_text(buffer, "message");
    put_text(buffer, error->message);
    if (is_data) {
        put_text(buffer, "data");
        put_value(buffer, error->data, DEPTH);
    }
}

#endif
