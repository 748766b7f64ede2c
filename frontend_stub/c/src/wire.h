/* wire: the strict profile of CBOR (docs/protocol.md, section 4), values, writers and errors. Knows no message.
 *
 * libcbor reads each item's head and writes each item; what the profile forbids is refused over its tokens. A frame is
 * checked whole, once; from then on its values are views into it, and reading them cannot fail. */
#ifndef STOCKADE_SRC_WIRE_H
#define STOCKADE_SRC_WIRE_H

#include <cbor.h>
#include <stdarg.h>
#include <stdio.h>

#include "containers.h"

/* Containers within each other, the outermost counted. */
#define DEPTH 32
/* The protocol's own integers end here, where a double stops being exact. */
#define LARGEST_WHOLE ((UINT64_C(1) << 53) - 1)
/* The longest head of an item. */
#define HEAD 9

/* -- tokens: one item's head, or the whole of one that has no items within ------------------------------------------- */

/* What libcbor calls back with, from 0.9 on another type, which on 64 bits is the same one. */
#if CBOR_MAJOR_VERSION > 0 || CBOR_MINOR_VERSION >= 9
typedef uint64_t cbor_length;
#else
typedef size_t cbor_length;
#endif

struct token {
    stockade_value value; /* of an array or map only the count */
    const char *fault;    /* what the profile forbids, if so */
};

#define UNSIGNED_TOKEN(name, type)                                                                                     \
    static void name(void *context, type number) {                                                                     \
        struct token *token = context;                                                                                 \
        token->value = stockade_int((int64_t)number);                                                                  \
    }
#define NEGATIVE_TOKEN(name, type)                                                                                     \
    static void name(void *context, type number) {                                                                     \
        struct token *token = context;                                                                                 \
        token->value = stockade_int(-1 - (int64_t)number);                                                             \
    }
UNSIGNED_TOKEN(token_uint8, uint8_t)
UNSIGNED_TOKEN(token_uint16, uint16_t)
UNSIGNED_TOKEN(token_uint32, uint32_t)
NEGATIVE_TOKEN(token_negint8, uint8_t)
NEGATIVE_TOKEN(token_negint16, uint16_t)
NEGATIVE_TOKEN(token_negint32, uint32_t)

static void token_fault(void *context, const char *fault) {
    ((struct token *)context)->fault = fault;
}

static void token_uint64(void *context, uint64_t number) {
    struct token *token = context;
    token->value = stockade_int((int64_t)(number & INT64_MAX));
    if (number > INT64_MAX)
        token->fault = "an integer that does not fit into 64 bits";
}
static void token_negint64(void *context, uint64_t number) {
    token_uint64(context, number);
    struct token *token = context;
    token->value.as.integer = -1 - token->value.as.integer;
}
static void token_bytes(void *context, cbor_data data, cbor_length size) {
    ((struct token *)context)->value = stockade_bytes(data, (size_t)size);
}
static void token_text(void *context, cbor_data data, cbor_length size) {
    ((struct token *)context)->value = stockade_text_n((const char *)data, (size_t)size);
}
static void token_container(void *context, stockade_kind kind, cbor_length count) {
    struct token *token = context;
    token->value.kind = kind;
    token->value.as.items.data = NULL;
    token->value.as.items.size = 0;
    token->value.as.items.count = (size_t)count;
}
static void token_array(void *context, cbor_length count) {
    token_container(context, STOCKADE_ARRAY, count);
}
static void token_map(void *context, cbor_length count) {
    token_container(context, STOCKADE_MAP, count);
}
static void token_float(void *context, float real) {
    ((struct token *)context)->value = stockade_float(real);
}
static void token_double(void *context, double real) {
    ((struct token *)context)->value = stockade_float(real);
}
static void token_null(void *context) {
    ((struct token *)context)->value = stockade_null();
}
static void token_bool(void *context, bool boolean) {
    ((struct token *)context)->value = stockade_bool(boolean);
}
static void token_tag(void *context, uint64_t tag) {
    (void)tag;
    token_fault(context, "a tag");
}
static void token_undefined(void *context) {
    token_fault(context, "undefined");
}
static void token_indefinite(void *context) {
    token_fault(context, "an indefinite length");
}
static void token_break(void *context) {
    token_fault(context, "a break without a beginning");
}

static const struct cbor_callbacks TOKENS = {
    .uint8 = token_uint8,
    .uint16 = token_uint16,
    .uint32 = token_uint32,
    .uint64 = token_uint64,
    .negint8 = token_negint8,
    .negint16 = token_negint16,
    .negint32 = token_negint32,
    .negint64 = token_negint64,
    .byte_string_start = token_indefinite,
    .byte_string = token_bytes,
    .string = token_text,
    .string_start = token_indefinite,
    .indef_array_start = token_indefinite,
    .array_start = token_array,
    .indef_map_start = token_indefinite,
    .map_start = token_map,
    .tag = token_tag,
    .float2 = token_float,
    .float4 = token_float,
    .float8 = token_double,
    .undefined = token_undefined,
    .null = token_null,
    .boolean = token_bool,
    .indef_break = token_break,
};

/* The token at the beginning of these bytes, and how many it has; 0 if it is none of the profile: `fault` says why. */
static size_t token_read(const unsigned char *data, size_t size, struct token *token) {
    token->value.kind = STOCKADE_MISSING;
    token->fault = NULL;
    struct cbor_decoder_result result = cbor_stream_decode(data, size, &TOKENS, token);
    if (result.status == CBOR_DECODER_NEDATA)
        token->fault = "an item that is cut off";
    else if (result.status != CBOR_DECODER_FINISHED || (token->fault == NULL && token->value.kind == STOCKADE_MISSING))
        token->fault = "bytes that are no CBOR";
    if (token->fault != NULL)
        return 0;
    if (token->value.kind == STOCKADE_TEXT || token->value.kind == STOCKADE_BYTES) {
        /* Before 0.14 a length near 2^64 overflows in libcbor and comes through: so it is looked at again. */
        const unsigned char *begin = token->value.as.bytes.data;
        if (begin < data || (size_t)(begin - data) > size ||
            token->value.as.bytes.size > size - (size_t)(begin - data)) {
            token->fault = "an item that is cut off";
            return 0;
        }
        return (size_t)(begin - data) + token->value.as.bytes.size;
    }
    return result.read;
}

static bool is_container(stockade_value value) {
    return value.kind == STOCKADE_ARRAY || value.kind == STOCKADE_MAP;
}

/* -- text ------------------------------------------------------------------------------------------------------------- */

/* How many bytes the character that begins with this byte has, and the bounds of its second byte (RFC 3629, section 4):
 * they keep out long forms, surrogates, and what is beyond Unicode. */
static size_t utf8_lead(unsigned char lead, unsigned char *least, unsigned char *most) {
    *least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static bool is_utf8(const char *text, size_t size) {
    const unsigned char *at = (const unsigned char *)text;
    size_t left = size;
    while (left > 0) {
        if (*at < 0x80) {
            at++, left--;
            continue;
        }
        unsigned char least = 0, most = 0;
        size_t length = utf8_lead(*at, &least, &most);
        if (length == 0 || length > left || at[1] < least || at[1] > most)
            return false;
        for (size_t each = 2; each < length; each++) {
            if ((at[each] & 0xC0) != 0x80)
                return false;
        }
        at += length, left -= length;
    }
    return true;
}

/* -- checking a whole item -------------------------------------------------------------------------------------------- */

struct slice {
    const char *data;
    size_t size;
};

/* Keys of the maps that are being read, those of inner maps behind those of outer ones. */
struct keys {
    struct slice few[32], *all;
    size_t count, capacity;
};

static void keys_init(struct keys *keys) {
    keys->all = keys->few;
    keys->count = 0;
    keys->capacity = sizeof keys->few / sizeof *keys->few;
}

static void keys_free(struct keys *keys) {
    if (keys->all != keys->few)
        free(keys->all);
}

static bool keys_put(struct keys *keys, const char *data, size_t size) {
    if (keys->count == keys->capacity) {
        struct slice *all = malloc(2 * keys->capacity * sizeof *all);
        if (all == NULL)
            return false;
        memcpy(all, keys->all, keys->count * sizeof *all);
        keys_free(keys);
        keys->all = all;
        keys->capacity *= 2;
    }
    keys->all[keys->count].data = data;
    keys->all[keys->count++].size = size;
    return true;
}

static int slice_compare(const void *one, const void *other) {
    const struct slice *left = one, *right = other;
    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return left->size ? memcmp(left->data, right->data, left->size) : 0;
}

/* Whether one of the keys from `first` on stands there twice. They lose their order. */
static bool keys_repeat(struct keys *keys, size_t first) {
    struct slice *some = keys->all + first;
    size_t count = keys->count - first;
    if (count > 8) /* below, comparing all with all is faster than sorting */
        qsort(some, count, sizeof *some, slice_compare);
    for (size_t one = 1; one < count; one++) {
        for (size_t other = count > 8 ? one - 1 : 0; other < one; other++) {
            if (slice_compare(&some[one], &some[other]) == 0)
                return true;
        }
    }
    return false;
}

static const char NO_MEMORY[] = "there is no memory";

struct checker {
    const unsigned char *at, *end;
    struct keys keys;
};

static const char *check_item(struct checker *checker, size_t room);

static const char *check_key(struct checker *checker) {
    struct token token;
    size_t size = token_read(checker->at, (size_t)(checker->end - checker->at), &token);
    if (size == 0)
        return token.fault;
    if (token.value.kind != STOCKADE_TEXT)
        return "a map's key that is not text";
    if (!is_utf8(token.value.as.text.data, token.value.as.text.size))
        return "text that is not UTF-8";
    checker->at += size;
    return keys_put(&checker->keys, token.value.as.text.data, token.value.as.text.size) ? NULL : NO_MEMORY;
}

static const char *check_items(struct checker *checker, stockade_value container, size_t room) {
    size_t first = checker->keys.count;
    const char *fault = NULL;
    for (size_t left = container.as.items.count; left > 0 && fault == NULL; left--) {
        if (container.kind == STOCKADE_MAP)
            fault = check_key(checker);
        if (fault == NULL)
            fault = check_item(checker, room);
    }
    if (fault == NULL && keys_repeat(&checker->keys, first))
        fault = "a map with one key twice";
    checker->keys.count = first;
    return fault;
}

/* Go over one item that may have so many containers within each other; what is wrong with it, or NULL. */
static const char *check_item(struct checker *checker, size_t room) {
    struct token token;
    size_t size = token_read(checker->at, (size_t)(checker->end - checker->at), &token);
    if (size == 0)
        return token.fault;
    checker->at += size;
    if (token.value.kind == STOCKADE_TEXT && !is_utf8(token.value.as.text.data, token.value.as.text.size))
        return "text that is not UTF-8";
    if (!is_container(token.value))
        return NULL;
    if (room == 0)
        return "more than 32 containers within each other";
    return check_items(checker, token.value, room - 1);
}

/* -- reading what has been checked ------------------------------------------------------------------------------------ */

/* Behind the item at `at`. */
static const unsigned char *item_end(const unsigned char *at, const unsigned char *end) {
    for (size_t left = 1; left > 0 && at < end; left--) {
        struct token token;
        size_t size = token_read(at, (size_t)(end - at), &token);
        if (size == 0)
            return end;
        at += size;
        if (is_container(token.value))
            left += token.value.as.items.count * (token.value.kind == STOCKADE_MAP ? 2 : 1);
    }
    return at;
}

/* The item at *at, which moves behind it. */
static stockade_value item_read(const unsigned char **at, const unsigned char *end) {
    const unsigned char *begin = *at;
    struct token token;
    size_t size = token_read(begin, (size_t)(end - begin), &token);
    *at = begin + size;
    if (size > 0 && is_container(token.value)) {
        *at = token.value.as.items.count ? item_end(begin, end) : *at;
        token.value.as.items.data = begin;
        token.value.as.items.size = (size_t)(*at - begin);
    }
    return token.value;
}

/* One item that is all of these bytes. What is wrong with them, or NULL. */
static const char *wire_decode(const unsigned char *data, size_t size, stockade_value *value) {
    struct checker checker = {.at = data, .end = data + size};
    keys_init(&checker.keys);
    const char *fault = check_item(&checker, DEPTH);
    keys_free(&checker.keys);
    if (fault != NULL)
        return fault;
    if (checker.at != checker.end)
        return "bytes behind the item";
    *value = item_read(&data, checker.end);
    if (is_container(*value))
        value->as.items.size = size;
    return NULL;
}

/* The protocol's own integer that this is; some encoders write large ones as floats. */
static bool as_whole(stockade_value value, uint64_t *whole) {
    if (value.kind == STOCKADE_INT && value.as.integer >= 0 && (uint64_t)value.as.integer <= LARGEST_WHOLE) {
        *whole = (uint64_t)value.as.integer;
        return true;
    }
    if (value.kind == STOCKADE_FLOAT && value.as.real >= 0 && value.as.real <= (double)LARGEST_WHOLE &&
        (double)(uint64_t)value.as.real == value.as.real) {
        *whole = (uint64_t)value.as.real;
        return true;
    }
    return false;
}

static bool text_is(stockade_value value, const char *text, size_t size) {
    return value.kind == STOCKADE_TEXT && value.as.text.size == size &&
           (size == 0 || memcmp(value.as.text.data, text, size) == 0);
}

bool stockade_as_bool(stockade_value value, bool *out) {
    if (value.kind != STOCKADE_BOOL)
        return false;
    *out = value.as.boolean;
    return true;
}

bool stockade_as_int(stockade_value value, int64_t *out) {
    if (value.kind != STOCKADE_INT)
        return false;
    *out = value.as.integer;
    return true;
}

bool stockade_as_float(stockade_value value, double *out) {
    if (value.kind != STOCKADE_FLOAT && value.kind != STOCKADE_INT)
        return false;
    *out = value.kind == STOCKADE_FLOAT ? value.as.real : (double)value.as.integer;
    return true;
}

bool stockade_is_text(stockade_value value, const char *text) {
    return text_is(value, text, strlen(text));
}

char *stockade_text_copy(stockade_value value) {
    if (value.kind != STOCKADE_TEXT || (value.as.text.size && memchr(value.as.text.data, 0, value.as.text.size)))
        return NULL;
    char *copy = malloc(value.as.text.size + 1);
    if (copy != NULL) {
        if (value.as.text.size > 0)
            memcpy(copy, value.as.text.data, value.as.text.size);
        copy[value.as.text.size] = '\0';
    }
    return copy;
}

size_t stockade_count(stockade_value value) {
    return is_container(value) ? value.as.items.count : 0;
}

stockade_iterator stockade_iterate(stockade_value value) {
    stockade_iterator iterator = {NULL, NULL, 0, false};
    if (is_container(value)) {
        struct token head;
        iterator.end = value.as.items.data + value.as.items.size;
        iterator.at = value.as.items.data + token_read(value.as.items.data, value.as.items.size, &head);
        iterator.left = value.as.items.count;
        iterator.pairs = value.kind == STOCKADE_MAP;
    }
    return iterator;
}

bool stockade_next(stockade_iterator *iterator, stockade_value *key, stockade_value *item) {
    if (iterator->left == 0)
        return false;
    iterator->left--;
    stockade_value found = {STOCKADE_MISSING, {0}};
    if (iterator->pairs)
        found = item_read(&iterator->at, iterator->end);
    if (key != NULL)
        *key = found;
    *item = item_read(&iterator->at, iterator->end);
    return true;
}

stockade_value stockade_get_n(stockade_value map, const char *key, size_t size) {
    stockade_value missing = {STOCKADE_MISSING, {0}}, found, value;
    if (map.kind != STOCKADE_MAP)
        return missing;
    stockade_iterator each = stockade_iterate(map);
    while (stockade_next(&each, &found, &value)) {
        if (text_is(found, key, size))
            return value;
    }
    return missing;
}

stockade_value stockade_get(stockade_value map, const char *key) {
    return stockade_get_n(map, key, strlen(key));
}

/* -- writing ---------------------------------------------------------------------------------------------------------- */

/* What libcbor writes an item's head, or a small item, with. */
#define PUT_CBOR(buffer, encoder, ...)                                                                                 \
    do {                                                                                                               \
        if (buffer_reserve((buffer), HEAD))                                                                            \
            (buffer)->size += encoder(__VA_ARGS__, (buffer)->data + (buffer)->size, HEAD);                             \
    } while (0)

static void put_array(struct buffer *buffer, size_t count) {
    PUT_CBOR(buffer, cbor_encode_array_start, count);
}
static void put_map(struct buffer *buffer, size_t count) {
    PUT_CBOR(buffer, cbor_encode_map_start, count);
}
static void put_whole(struct buffer *buffer, uint64_t number) {
    PUT_CBOR(buffer, cbor_encode_uint, number);
}
static void put_bool(struct buffer *buffer, bool boolean) {
    PUT_CBOR(buffer, cbor_encode_bool, boolean);
}
static void put_null(struct buffer *buffer) {
    if (buffer_reserve(buffer, HEAD))
        buffer->size += cbor_encode_null(buffer->data + buffer->size, HEAD);
}
static void put_text_n(struct buffer *buffer, const char *text, size_t size) {
    PUT_CBOR(buffer, cbor_encode_string_start, size);
    buffer_put(buffer, text, size);
}
static void put_text(struct buffer *buffer, const char *text) {
    put_text_n(buffer, text, strlen(text)); /* NOLINT(clang-analyzer-core.NonNullParamChecker): nobody passes NULL */
}

static void put_int(struct buffer *buffer, int64_t integer) {
    if (integer >= 0)
        put_whole(buffer, (uint64_t)integer);
    else
        PUT_CBOR(buffer, cbor_encode_negint, (uint64_t)(-1 - integer));
}

/* How many containers within each other an item that has been checked is. */
static size_t depth_of(const unsigned char *at, const unsigned char *end) {
    size_t left[DEPTH + 1], depth = 0, deepest = 0;
    do {
        struct token token;
        size_t size = token_read(at, (size_t)(end - at), &token);
        if (size == 0)
            return DEPTH + 1;
        at += size;
        if (depth > 0)
            left[depth]--;
        if (is_container(token.value)) {
            if (depth == DEPTH)
                return DEPTH + 1;
            left[++depth] = token.value.as.items.count * (token.value.kind == STOCKADE_MAP ? 2 : 1);
            deepest = depth > deepest ? depth : deepest;
        }
        while (depth > 0 && left[depth] == 0)
            depth--;
    } while (depth > 0);
    return deepest;
}

/* Write a value that may be so many containers deep where it will stand. Why it cannot be, or NULL. */
static const char *put_value(struct buffer *buffer, stockade_value value, size_t room) {
    switch (value.kind) {
    case STOCKADE_MISSING:
    case STOCKADE_NULL:
        put_null(buffer);
        break;
    case STOCKADE_BOOL:
        put_bool(buffer, value.as.boolean);
        break;
    case STOCKADE_INT:
        put_int(buffer, value.as.integer);
        break;
    case STOCKADE_FLOAT:
        PUT_CBOR(buffer, cbor_encode_double, value.as.real);
        break;
    case STOCKADE_TEXT:
        if (!is_utf8(value.as.text.data, value.as.text.size))
            return "text that is not UTF-8";
        put_text_n(buffer, value.as.text.data, value.as.text.size);
        break;
    case STOCKADE_BYTES:
        PUT_CBOR(buffer, cbor_encode_bytestring_start, value.as.bytes.size);
        buffer_put(buffer, value.as.bytes.data, value.as.bytes.size);
        break;
    case STOCKADE_ARRAY:
    case STOCKADE_MAP:
        if (depth_of(value.as.items.data, value.as.items.data + value.as.items.size) > room)
            return "more than 32 containers within each other";
        buffer_put(buffer, value.as.items.data, value.as.items.size);
        break;
    case STOCKADE_SENDER:
    case STOCKADE_RECEIVER:
        return "a channel, which goes as an argument of a call alone";
    default:
        return "a value of no kind";
    }
    return buffer->failed ? NO_MEMORY : NULL;
}

/* -- errors ----------------------------------------------------------------------------------------------------------- */

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

/* -- writers ---------------------------------------------------------------------------------------------------------- */

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
