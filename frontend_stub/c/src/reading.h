/* wire, reading: values in what has been checked; it cannot fail. */
#ifndef STOCKADE_SRC_READING_H
#define STOCKADE_SRC_READING_H

#include "wire.h"

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

#endif
