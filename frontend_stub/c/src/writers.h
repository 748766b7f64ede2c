/* wire, writers: what builds arrays and maps; and decoding for those who keep values. */
#ifndef STOCKADE_SRC_WRITERS_H
#define STOCKADE_SRC_WRITERS_H

#include "errors.h"

struct stockade_writer {
    struct buffer bytes;
    struct open {
        size_t at, count;  /* where its head stands; items, or pairs */
        bool pairs, keyed; /* a map; its next value has its key already */
    } open[DEPTH];
    size_t depth, values;
    stockade_status status;
    const char *fault;
};

stockade_writer *stockade_writer_new(void) {
    return calloc(1, sizeof(stockade_writer));
}

void stockade_writer_free(stockade_writer *writer) {
    if (writer != NULL) {
        buffer_free(&writer->bytes);
        free(writer);
    }
}

void stockade_writer_reset(stockade_writer *writer) {
    if (writer != NULL) {
        buffer_reset(&writer->bytes);
        writer->depth = writer->values = 0;
        writer->status = STOCKADE_OK;
        writer->fault = NULL;
    }
}

/* The first failure is the one that is kept. */
static void writer_fail(stockade_writer *writer, stockade_status status, const char *fault) {
    if (writer->fault == NULL) {
        writer->status = status;
        writer->fault = fault;
    }
}

/* Whether a value may stand here; it is counted. */
static bool writer_takes(stockade_writer *writer) {
    if (writer == NULL || writer->fault != NULL)
        return false;
    if (writer->depth == 0) {
        if (writer->values++ > 0)
            writer_fail(writer, STOCKADE_MISUSE, "several values, where there should be one");
        return writer->fault == NULL;
    }
    struct open *open = &writer->open[writer->depth - 1];
    if (open->pairs && !open->keyed)
        writer_fail(writer, STOCKADE_MISUSE, "a value in a map without its key");
    open->keyed = false;
    open->count++;
    return writer->fault == NULL;
}

void stockade_put(stockade_writer *writer, stockade_value value) {
    if (!writer_takes(writer))
        return;
    const char *fault = put_value(&writer->bytes, value, DEPTH - writer->depth);
    if (fault != NULL)
        writer_fail(writer, fault == NO_MEMORY ? STOCKADE_NO_MEMORY : STOCKADE_UNENCODABLE, fault);
}

void stockade_put_key_n(stockade_writer *writer, const char *key, size_t size) {
    if (writer == NULL || writer->fault != NULL)
        return;
    struct open *open = writer->depth > 0 ? &writer->open[writer->depth - 1] : NULL;
    if (open == NULL || !open->pairs || open->keyed) {
        writer_fail(writer, STOCKADE_MISUSE, "a key where none may stand");
        return;
    }
    const char *fault = put_value(&writer->bytes, stockade_text_n(key, size), 0);
    if (fault != NULL)
        writer_fail(writer, fault == NO_MEMORY ? STOCKADE_NO_MEMORY : STOCKADE_UNENCODABLE, fault);
    open->keyed = true;
}

void stockade_put_key(stockade_writer *writer, const char *key) {
    stockade_put_key_n(writer, key, strlen(key));
}

void stockade_put_pair(stockade_writer *writer, const char *key, stockade_value value) {
    stockade_put_key(writer, key);
    stockade_put(writer, value);
}

static void writer_open(stockade_writer *writer, bool pairs) {
    if (!writer_takes(writer))
        return;
    if (writer->depth == DEPTH) {
        writer_fail(writer, STOCKADE_UNENCODABLE, "more than 32 containers within each other");
        return;
    }
    struct open *open = &writer->open[writer->depth++];
    open->at = writer->bytes.size;
    open->count = 0;
    open->pairs = pairs;
    open->keyed = false;
    put_array(&writer->bytes, 0); /* one byte, where its head will stand */
}

void stockade_open_array(stockade_writer *writer) {
    writer_open(writer, false);
}
void stockade_open_map(stockade_writer *writer) {
    writer_open(writer, true);
}

/* Why a map that has been written is none. */
static const char *fault_of_map(const unsigned char *at, const unsigned char *end) {
    struct keys keys;
    keys_init(&keys);
    const char *fault = NULL;
    while (at < end && fault == NULL) {
        stockade_value key = item_read(&at, end);
        if (!keys_put(&keys, key.as.text.data, key.as.text.size))
            fault = NO_MEMORY;
        at = item_end(at, end);
    }
    if (fault == NULL && keys_repeat(&keys, 0))
        fault = "a map with one key twice";
    keys_free(&keys);
    return fault;
}

void stockade_shut(stockade_writer *writer) {
    if (writer == NULL || writer->fault != NULL)
        return;
    if (writer->depth == 0 || writer->open[writer->depth - 1].keyed) {
        writer_fail(writer, STOCKADE_MISUSE, writer->depth ? "a key without a value" : "nothing to shut is open");
        return;
    }
    struct open *open = &writer->open[--writer->depth];
    struct buffer *bytes = &writer->bytes;
    if (!buffer_reserve(bytes, HEAD))
        return;
    const char *fault = open->pairs ? fault_of_map(bytes->data + open->at + 1, bytes->data + bytes->size) : NULL;
    if (fault != NULL) {
        writer_fail(writer, fault == NO_MEMORY ? STOCKADE_NO_MEMORY : STOCKADE_UNENCODABLE, fault);
        return;
    }
    unsigned char head[HEAD];
    size_t size =
        open->pairs ? cbor_encode_map_start(open->count, head, HEAD) : cbor_encode_array_start(open->count, head, HEAD);
    unsigned char *at = bytes->data + open->at;
    memmove(at + size, at + 1, bytes->size - open->at - 1);
    memcpy(at, head, size);
    bytes->size += size - 1;
}

stockade_status stockade_writer_encoded(stockade_writer *writer, const unsigned char **data, size_t *size,
                                        stockade_error **error) {
    if (writer == NULL || writer->bytes.failed)
        return error_give(error, without_memory());
    if (writer->fault == NULL && writer->depth > 0)
        writer_fail(writer, STOCKADE_MISUSE, "an array or a map has not been shut");
    if (writer->fault == NULL && writer->values == 0)
        writer_fail(writer, STOCKADE_MISUSE, "no value has been put");
    if (writer->fault != NULL)
        return error_give(error, error_plain(writer->status, "", writer->fault));
    *data = writer->bytes.data;
    *size = writer->bytes.size;
    return STOCKADE_OK;
}

stockade_status stockade_writer_value(stockade_writer *writer, stockade_value *value, stockade_error **error) {
    const unsigned char *data = NULL;
    size_t size = 0;
    stockade_status status = stockade_writer_encoded(writer, &data, &size, error);
    if (status == STOCKADE_OK)
        *value = item_read(&data, data + size);
    return status;
}

stockade_status stockade_decode(const void *data, size_t size, stockade_value *value, stockade_error **error) {
    const char *fault = wire_decode(data, size, value);
    return fault == NULL ? STOCKADE_OK : cannot_say(error, "these bytes", fault);
}

#endif
