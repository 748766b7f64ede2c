/* wire, writing: values to bytes, or why they cannot be said. libcbor writes each head and each small item. */
#ifndef STOCKADE_SRC_WRITING_H
#define STOCKADE_SRC_WRITING_H

#include "reading.h"

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

#endif
