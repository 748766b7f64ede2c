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

#endif
