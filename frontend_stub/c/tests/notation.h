/* Values as vectors.json writes them: JSON, and objects with one key for what JSON cannot say. */
#ifndef STOCKADE_TESTS_NOTATION_H
#define STOCKADE_TESTS_NOTATION_H

/* First: it says which of the system's functions it wants. */
#include "../stockade.c"

#include <jansson.h>
#include <math.h>

#include "harness.h"

static struct buffer bytes_of(const char *hex) {
    struct buffer bytes = {0};
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        unsigned byte = 0;
        sscanf(hex, "%2x", &byte);
        buffer_put(&bytes, &(unsigned char){(unsigned char)byte}, 1);
    }
    return bytes;
}

/* The text behind the one key of an object that is written so, or NULL. */
static const char *only(const json_t *json, const char *key) {
    return json_is_object(json) && json_object_size(json) == 1 ? json_string_value(json_object_get(json, key)) : NULL;
}

static void put_notation(stockade_writer *writer, const json_t *json) {
    const char *text = NULL, *key = NULL;
    const json_t *pairs = json_is_object(json) && json_object_size(json) == 1 ? json_object_get(json, "$map") : NULL;
    size_t at = 0;
    json_t *each = NULL;
    if (pairs != NULL) {
        stockade_open_map(writer);
        json_array_foreach(pairs, at, each) {
            stockade_put_key(writer, json_string_value(json_array_get(each, 0)));
            put_notation(writer, json_array_get(each, 1));
        }
        stockade_shut(writer);
    } else if ((text = only(json, "$bytes")) != NULL) {
        struct buffer bytes = bytes_of(text);
        stockade_put(writer, stockade_bytes(bytes.data, bytes.size));
        buffer_free(&bytes);
    } else if ((text = only(json, "$float")) != NULL) {
        stockade_put(writer, stockade_float(strtod(text, NULL)));
    } else if ((text = only(json, "$int")) != NULL) {
        stockade_put(writer, stockade_int(strtoll(text, NULL, 10)));
    } else if (json_is_object(json)) {
        stockade_open_map(writer);
        json_object_foreach((json_t *)(uintptr_t)json, key, each) {
            stockade_put_key_n(writer, key, strlen(key));
            put_notation(writer, each);
        }
        stockade_shut(writer);
    } else if (json_is_array(json)) {
        stockade_open_array(writer);
        json_array_foreach(json, at, each) put_notation(writer, each);
        stockade_shut(writer);
    } else if (json_is_string(json)) {
        stockade_put(writer, stockade_text_n(json_string_value(json), json_string_length(json)));
    } else if (json_is_integer(json)) {
        stockade_put(writer, stockade_int(json_integer_value(json)));
    } else {
        stockade_put(writer, json_is_null(json) ? stockade_null() : stockade_bool(json_is_true(json)));
    }
}

static bool same(stockade_value one, stockade_value other) {
    if (one.kind != other.kind)
        return false;
    stockade_value key, item, twin;
    stockade_iterator each = stockade_iterate(one), twins = stockade_iterate(other);
    switch (one.kind) {
    case STOCKADE_BOOL:
        return one.as.boolean == other.as.boolean;
    case STOCKADE_INT:
        return one.as.integer == other.as.integer;
    case STOCKADE_FLOAT: /* NaN is one value, and -0.0 is not 0.0 */
        return (isnan(one.as.real) && isnan(other.as.real)) ||
               (one.as.real == other.as.real && signbit(one.as.real) == signbit(other.as.real));
    case STOCKADE_TEXT:
        return text_is(one, other.as.text.data, other.as.text.size);
    case STOCKADE_BYTES:
        return one.as.bytes.size == other.as.bytes.size &&
               (one.as.bytes.size == 0 || memcmp(one.as.bytes.data, other.as.bytes.data, one.as.bytes.size) == 0);
    case STOCKADE_ARRAY:
    case STOCKADE_MAP:
        if (stockade_count(one) != stockade_count(other))
            return false;
        while (stockade_next(&each, &key, &item)) {
            if (one.kind == STOCKADE_ARRAY)
                stockade_next(&twins, NULL, &twin);
            else
                twin = stockade_get_n(other, key.as.text.data, key.as.text.size);
            if (!same(item, twin))
                return false;
        }
        return true;
    default:
        return true;
    }
}

#endif
