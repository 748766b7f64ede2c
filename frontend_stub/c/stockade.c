/* stockade.c - the stub for C workers of Stockade, whole: see stockade.h, and README.md beside it.
 *
 * Made by amalgamate.sh of the sections in src/: edit those.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC, O_CLOEXEC, clock_gettime under -std=c11 */
#endif

#include <cbor.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "stockade.h"

/* What the rest is kept in: byte buffers, lists, tables by number, timers. Knows nothing of Stockade.
 *
 * Memory that there is not is said by false; nothing has changed then, but a buffer, which stays failed. */



/* The struct whose member this is. */
#define OWNER(member_at, type, member) ((type *)(void *)((char *)(member_at)-offsetof(type, member)))

/* -- buffers: bytes that grow; one failure to grow is kept until the reset ------------------------------------------ */

struct buffer {
    unsigned char *data;
    size_t size, capacity;
    bool failed;
};

static bool buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->failed)
        return false;
    if (buffer->capacity - buffer->size >= more)
        return true;
    if (more > SIZE_MAX / 2 - buffer->size) {
        buffer->failed = true;
        return false;
    }
    size_t wanted = buffer->size + more;
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < wanted)
        capacity *= 2;
    unsigned char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

static void buffer_put(struct buffer *buffer, const void *data, size_t size) {
    if (size > 0 && buffer_reserve(buffer, size)) {
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
    }
}

static void buffer_reset(struct buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

static void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

/* -- lists: circular, the head a link itself; a link that is in no list points to itself ------------------------------ */

struct chain {
    struct chain *before, *behind;
};

static void chain_init(struct chain *chain) {
    chain->before = chain->behind = chain;
}

static bool chain_is_empty(const struct chain *head) {
    return head->behind == head;
}

static void chain_append(struct chain *head, struct chain *link) {
    link->before = head->before;
    link->behind = head;
    head->before->behind = link;
    head->before = link;
}

static void chain_remove(struct chain *link) {
    link->before->behind = link->behind;
    link->behind->before = link->before;
    chain_init(link);
}

/* -- tables: entries by number, which rise as they come, so that the low bits are hash enough -------------------------- */

struct entry {
    uint64_t key;
    struct entry *next;
};

struct table {
    struct entry **slots;
    size_t capacity, count; /* the capacity is a power of two, or 0 */
};

static struct entry **table_slot(const struct table *table, uint64_t key) {
    /* Channels have odd numbers, or even ones: without the shift half of the slots would stay empty. */
    return &table->slots[(key ^ (key >> 1)) & (table->capacity - 1)];
}

/* Room for one more. Without memory for a larger table a full one goes on, slower. */
static bool table_reserve(struct table *table) {
    if (table->count < table->capacity)
        return true;
    struct table larger = {NULL, table->capacity ? table->capacity * 2 : 16, table->count};
    larger.slots = calloc(larger.capacity, sizeof(struct entry *));
    if (larger.slots == NULL)
        return table->capacity > 0;
    for (size_t at = 0; at < table->capacity; at++) {
        for (struct entry *entry = table->slots[at], *next = NULL; entry != NULL; entry = next) {
            next = entry->next;
            struct entry **slot = table_slot(&larger, entry->key);
            entry->next = *slot;
            *slot = entry;
        }
    }
    free(table->slots);
    *table = larger;
    return true;
}

/* There must be room. */
static void table_insert(struct table *table, struct entry *entry) {
    struct entry **slot = table_slot(table, entry->key);
    entry->next = *slot;
    *slot = entry;
    table->count++;
}

static struct entry *table_find(const struct table *table, uint64_t key) {
    if (table->count == 0)
        return NULL;
    struct entry *entry = *table_slot(table, key);
    while (entry != NULL && entry->key != key)
        entry = entry->next;
    return entry;
}

/* Find it, and take it out. */
static struct entry *table_take(struct table *table, uint64_t key) {
    if (table->count == 0)
        return NULL;
    for (struct entry **place = table_slot(table, key); *place != NULL; place = &(*place)->next) {
        if ((*place)->key == key) {
            struct entry *entry = *place;
            *place = entry->next;
            table->count--;
            return entry;
        }
    }
    return NULL;
}

/* Any one of them, or NULL: for those who take out all. */
static struct entry *table_any(const struct table *table) {
    for (size_t at = 0; table->count > 0 && at < table->capacity; at++) {
        if (table->slots[at] != NULL)
            return table->slots[at];
    }
    return NULL;
}

/* -- timers: a heap of what is to be looked at, the earliest first; each thing has one timer, which knows its place ------ */

#define NEVER INT64_MAX

struct timer {
    int64_t when; /* nanoseconds of a clock that never goes back */
    size_t place; /* in the heap, from 1; 0: it is not there */
    int kind;     /* whose it is: for the one who is given it */
};

struct timers {
    struct timer **heap; /* from 1 */
    size_t count, capacity;
};

static void timers_put(struct timers *timers, size_t place, struct timer *timer) {
    timers->heap[place] = timer;
    timer->place = place;
}

static void timers_settle(struct timers *timers, size_t place, struct timer *timer) {
    while (place > 1 && timers->heap[place / 2]->when > timer->when) {
        timers_put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    for (size_t child = place * 2; child <= timers->count; child = place * 2) {
        if (child < timers->count && timers->heap[child + 1]->when < timers->heap[child]->when)
            child++;
        if (timers->heap[child]->when >= timer->when)
            break;
        timers_put(timers, place, timers->heap[child]);
        place = child;
    }
    timers_put(timers, place, timer);
}

static void timers_unset(struct timers *timers, struct timer *timer) {
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    struct timer *last = timers->heap[timers->count--];
    if (last != timer)
        timers_settle(timers, place, last);
}

/* Look at it then; NEVER: not at all. It may be set already. */
static bool timers_set(struct timers *timers, struct timer *timer, int64_t when) {
    timers_unset(timers, timer);
    timer->when = when;
    if (when == NEVER)
        return true;
    if (timers->count + 1 >= timers->capacity) {
        size_t capacity = timers->capacity ? timers->capacity * 2 : 32;
        struct timer **heap = realloc(timers->heap, capacity * sizeof *heap);
        if (heap == NULL)
            return false;
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timers->count++;
    timers_settle(timers, timers->count, timer);
    return true;
}

/* The earliest that is due by now, which is in the heap no more; or NULL. */
static struct timer *timers_due(struct timers *timers, int64_t now) {
    if (timers->count == 0 || timers->heap[1]->when > now)
        return NULL;
    struct timer *timer = timers->heap[1];
    timers_unset(timers, timer);
    return timer;
}

static int64_t timers_next(const struct timers *timers) {
    return timers->count ? timers->heap[1]->when : NEVER;
}


/* wire: the strict profile of CBOR (docs/protocol.md, section 4), values, writers and errors. Knows no message.
 *
 * libcbor reads each item's head and writes each item; what the profile forbids is refused over its tokens. A frame is
 * checked whole, once; from then on its values are views into it, and reading them cannot fail. */



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


/* wire, reading: values in what has been checked; it cannot fail. */


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


/* wire, writing: values to bytes, or why they cannot be said. libcbor writes each head and each small item. */


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


/* wire, errors: why something failed, as callers get it, and the core too. */


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


/* wire, writers: what builds arrays and maps; and decoding for those who keep values. */


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


/* grants: what this worker may do, as `welcome` said it: patterns over whole segments (docs/protocol.md, section 8).
 *
 * Decides nothing that counts: the core checks everything again. It is here so that a worker's author gets a clear error
 * at once, and before an emit, which has no answer. */


/* A segment of a pattern or a name. */
struct segment {
    const char *data;
    size_t size;
};

/* Takes the next segment off the text; `more` says whether there is another. */
static struct segment segment_take(const char **text, const char *end, char separator, bool *more) {
    const char *begin = *text;
    const char *found = begin < end ? memchr(begin, separator, (size_t)(end - begin)) : NULL;
    struct segment segment = {begin, (size_t)((found ? found : end) - begin)};
    *more = found != NULL;
    *text = found ? found + 1 : end;
    return segment;
}

struct pattern {
    struct segment *segments;
    size_t count;
    /* A pattern is an automaton: its states are the positions in it, and one past its end, where it accepts. These are
     * two sets of them, each `count + 1` flags. */
    bool *now, *next;
};

struct patterns {
    struct pattern *all;
    size_t count;
    char separator;
};

static bool segment_is(struct segment segment, const char *text) {
    return segment.size == strlen(text) && memcmp(segment.data, text, segment.size) == 0;
}

/* Add a position, and those reached from it by letting `**` stand for nothing. */
static void pattern_reach(const struct pattern *pattern, bool *set, size_t position) {
    set[position] = true;
    while (position < pattern->count && segment_is(pattern->segments[position], "**"))
        set[++position] = true;
}

static void pattern_begin(const struct pattern *pattern) {
    memset(pattern->now, 0, pattern->count + 1);
    pattern_reach(pattern, pattern->now, 0);
}

/* One segment more; NULL is one that no pattern names. */
static void pattern_step(struct pattern *pattern, const struct segment *segment) {
    memset(pattern->next, 0, pattern->count + 1);
    for (size_t at = 0; at < pattern->count; at++) {
        if (!pattern->now[at])
            continue;
        const struct segment *own = &pattern->segments[at];
        if (segment_is(*own, "**"))
            pattern_reach(pattern, pattern->next, at);
        else if (segment_is(*own, "*") ||
                 (segment && own->size == segment->size && memcmp(own->data, segment->data, own->size) == 0))
            pattern_reach(pattern, pattern->next, at + 1);
    }
    bool *next = pattern->next;
    pattern->next = pattern->now;
    pattern->now = next;
}

static void pattern_follow(struct pattern *pattern, const char *name, size_t size, char separator) {
    const char *end = name + size;
    pattern_begin(pattern);
    for (bool more = true; more;) {
        struct segment segment = segment_take(&name, end, separator, &more);
        pattern_step(pattern, &segment);
    }
}

static bool pattern_matches(struct pattern *pattern, const char *name, size_t size, char separator) {
    pattern_follow(pattern, name, size, separator);
    return pattern->now[pattern->count];
}

/* Whether it matches whatever one or more segments follow: if it does so for segments that it does not name, it does so
 * for all. After as many steps as it has positions nothing changes any more. */
static bool pattern_covers(struct pattern *pattern, const char *prefix, size_t size, char separator) {
    pattern_follow(pattern, prefix, size, separator);
    for (size_t step = 0; step <= pattern->count + 1; step++) {
        pattern_step(pattern, NULL);
        if (!pattern->now[pattern->count])
            return false;
    }
    return true;
}

/* Whether it matches anything at all that has one or more segments behind these. */
static bool pattern_meets(struct pattern *pattern, const char *prefix, size_t size, char separator) {
    pattern_follow(pattern, prefix, size, separator);
    for (size_t at = 0; at < pattern->count; at++) {
        if (pattern->now[at])
            return true;
    }
    return false;
}

static bool pattern_init(struct pattern *pattern, const char *text, char separator) {
    const char *end = text + strlen(text);
    size_t most = 1;
    for (const char *at = text; at < end; at++)
        most += *at == separator;
    pattern->segments = malloc(most * sizeof *pattern->segments);
    pattern->now = malloc(most + 1);
    pattern->next = malloc(most + 1);
    if (pattern->segments == NULL || pattern->now == NULL || pattern->next == NULL)
        return false;
    for (bool more = true; more;)
        pattern->segments[pattern->count++] = segment_take(&text, end, separator, &more);
    return true;
}

/* -- a grant: what its patterns allow, and what others deny ------------------------------------------------------------ */

struct grant {
    struct patterns allow, deny;
    char **texts; /* of both, those that allow first: what a stockade_grant shows */
};

static void patterns_free(struct patterns *patterns) {
    for (size_t at = 0; at < patterns->count; at++) {
        free(patterns->all[at].segments);
        free(patterns->all[at].now);
        free(patterns->all[at].next);
    }
    free(patterns->all);
}

static void grant_free(struct grant *grant) {
    size_t count = grant->allow.count + grant->deny.count;
    for (size_t at = 0; grant->texts != NULL && at < count; at++)
        free(grant->texts[at]);
    free(grant->texts);
    patterns_free(&grant->allow);
    patterns_free(&grant->deny);
    memset(grant, 0, sizeof *grant);
}

static bool patterns_init(struct patterns *patterns, stockade_value texts, char separator, char **kept) {
    patterns->separator = separator;
    patterns->all = calloc(stockade_count(texts) + 1, sizeof *patterns->all);
    stockade_iterator each = stockade_iterate(texts);
    for (stockade_value text; patterns->all != NULL && stockade_next(&each, NULL, &text);) {
        char *copy = stockade_text_copy(text);
        if (copy == NULL)
            return false;
        kept[patterns->count] = copy;
        if (!pattern_init(&patterns->all[patterns->count++], copy, separator))
            return false;
    }
    return patterns->all != NULL;
}

/* From two arrays of text. False: no memory, or a text that no name can be (it has a NUL). */
static bool grant_init(struct grant *grant, stockade_value allow, stockade_value deny, char separator) {
    grant->texts = calloc(stockade_count(allow) + stockade_count(deny) + 1, sizeof *grant->texts);
    return grant->texts != NULL && patterns_init(&grant->allow, allow, separator, grant->texts) &&
           patterns_init(&grant->deny, deny, separator, grant->texts + grant->allow.count);
}

typedef bool pattern_test(struct pattern *pattern, const char *name, size_t size, char separator);

static bool patterns_any(const struct patterns *patterns, pattern_test *test, const char *name, size_t size) {
    for (size_t at = 0; at < patterns->count; at++) {
        if (test(&patterns->all[at], name, size, patterns->separator))
            return true;
    }
    return false;
}

static bool grant_allows(const struct grant *grant, const char *name) {
    size_t size = strlen(name);
    return patterns_any(&grant->allow, pattern_matches, name, size) &&
           !patterns_any(&grant->deny, pattern_matches, name, size);
}

/* Whether one allowed pattern matches *every* name that begins with `prefix`, which ends in the separator, and no denied
 * one matches any. */
static bool grant_covers(const struct grant *grant, const char *prefix) {
    size_t size = strlen(prefix) - 1;
    return patterns_any(&grant->allow, pattern_covers, prefix, size) &&
           !patterns_any(&grant->deny, pattern_meets, prefix, size);
}

static stockade_grant grant_shown(const struct grant *grant) {
    stockade_grant shown = {(const char *const *)grant->texts, grant->allow.count, NULL, grant->deny.count};
    shown.deny = shown.allow ? shown.allow + grant->allow.count : NULL;
    return shown;
}


/* outbox: messages that wait to be sent, gathered into batches; and frames, as they come (docs/protocol.md, section 5).
 *
 * Knows bytes alone, and no socket: zmq_msg_t is here only as memory that ZeroMQ takes over without a copy. */



/* The head of a batch takes at most so many bytes of a message's limit. */
#define BATCH_HEAD 3
/* More messages than these are in no batch, and more frames behind none, whatever the limits say. */
#define BATCH 1024
#define FRAMES 63
/* From so many bytes on they go raw: as the stub for Python has measured; the core takes them either way. */
#define RAW 16384

/* -- frames: what came, shared by all the values that point into it ---------------------------------------------------- */

struct frame {
    unsigned holders;
    zmq_msg_t message;
};

/* With one holder, and an empty message to receive into; NULL: no memory. */
static struct frame *frame_new(void) {
    struct frame *frame = malloc(sizeof *frame);
    if (frame != NULL) {
        frame->holders = 1;
        zmq_msg_init(&frame->message);
    }
    return frame;
}

static struct frame *frame_hold(struct frame *frame) {
    if (frame != NULL)
        frame->holders++;
    return frame;
}

static void frame_release(struct frame *frame) {
    if (frame != NULL && --frame->holders == 0) {
        zmq_msg_close(&frame->message);
        free(frame);
    }
}

static const unsigned char *frame_data(struct frame *frame) {
    return zmq_msg_data(&frame->message);
}
static size_t frame_size(const struct frame *frame) {
    return zmq_msg_size(&frame->message);
}

/* A value that came, with its frame if it points into it. */
static stockade_owned owned_of(stockade_value value, struct frame *frame) {
    stockade_owned owned = {value, NULL};
    if (value.kind >= STOCKADE_TEXT)
        owned.memory = frame_hold(frame);
    return owned;
}

static stockade_owned owned_again(stockade_owned owned) {
    frame_hold(owned.memory);
    return owned;
}

void stockade_release(stockade_owned *owned) {
    if (owned != NULL) {
        frame_release(owned->memory);
        memset(owned, 0, sizeof *owned);
    }
}

/* -- parcels: a batch on its way ---------------------------------------------------------------------------------------- */

struct parcel {
    struct parcel *next;
    struct buffer bytes; /* BATCH_HEAD bytes of room, then the messages */
    size_t count;
    zmq_msg_t *raw; /* the frames behind it, its own */
    size_t raw_count;
};

struct outbox {
    struct parcel *first, *last, *spare;
    size_t waiting;          /* messages in all of them */
    uint64_t messages, size; /* of one batch at most */
    uint64_t batches;        /* that were sent */
    bool failed;             /* a message was lost for want of memory: nothing may follow it */
};

static void raw_free(zmq_msg_t *raw, size_t count) {
    for (size_t at = 0; at < count; at++)
        zmq_msg_close(&raw[at]);
    free(raw);
}

static void parcel_free(struct parcel *parcel) {
    if (parcel == NULL)
        return;
    raw_free(parcel->raw, parcel->raw_count);
    buffer_free(&parcel->bytes);
    free(parcel);
}

static struct parcel *outbox_begin(struct outbox *outbox) {
    struct parcel *parcel = outbox->spare ? outbox->spare : calloc(1, sizeof *parcel);
    outbox->spare = NULL;
    if (parcel == NULL)
        return NULL;
    buffer_put(&parcel->bytes, (const unsigned char[BATCH_HEAD]){0}, BATCH_HEAD);
    if (outbox->last != NULL)
        outbox->last->next = parcel;
    else
        outbox->first = parcel;
    outbox->last = parcel;
    return parcel;
}

/* Add one encoded message. `raw`: its frames, taken over; one that has some is a batch of its own, for it is large. */
static void outbox_put_raw(struct outbox *outbox, const struct buffer *message, zmq_msg_t *raw, size_t raw_count) {
    struct parcel *parcel = outbox->last;
    if (parcel == NULL || raw_count > 0 || parcel->raw_count > 0 || parcel->count >= outbox->messages ||
        parcel->bytes.size + message->size > outbox->size)
        parcel = outbox_begin(outbox);
    if (parcel != NULL) {
        buffer_put(&parcel->bytes, message->data, message->size);
        parcel->count++;
        parcel->raw = raw;
        parcel->raw_count = raw_count;
        outbox->waiting++;
    } else {
        raw_free(raw, raw_count);
    }
    if (parcel == NULL || parcel->bytes.failed || message->failed)
        outbox->failed = true;
}

static void outbox_put(struct outbox *outbox, const struct buffer *message) {
    outbox_put_raw(outbox, message, NULL, 0);
}

/* The bytes of the first batch, its head before its messages. There must be one. */
static const unsigned char *outbox_batch(struct outbox *outbox, size_t *size) {
    struct parcel *parcel = outbox->first;
    unsigned char head[HEAD];
    size_t head_size = cbor_encode_array_start(parcel->count, head, HEAD);
    unsigned char *begin = parcel->bytes.data + BATCH_HEAD - head_size;
    memcpy(begin, head, head_size);
    *size = parcel->bytes.size - BATCH_HEAD + head_size;
    return begin;
}

/* The first batch has gone, its raw frames too. */
static void outbox_sent(struct outbox *outbox) {
    struct parcel *parcel = outbox->first;
    outbox->batches++;
    outbox->waiting -= parcel->count;
    outbox->first = parcel->next;
    if (outbox->first == NULL)
        outbox->last = NULL;
    if (outbox->spare != NULL || parcel->raw_count > 0 || parcel->bytes.capacity > 256 * 1024) {
        parcel_free(parcel);
        return;
    }
    parcel->next = NULL;
    parcel->count = 0;
    buffer_reset(&parcel->bytes);
    outbox->spare = parcel;
}

static void outbox_free(struct outbox *outbox) {
    while (outbox->first != NULL) {
        struct parcel *parcel = outbox->first;
        outbox->first = parcel->next;
        parcel_free(parcel);
    }
    parcel_free(outbox->spare);
    memset(outbox, 0, sizeof *outbox);
}


/* session, its state: all that one worker's side of the conversation remembers. Knows no socket, clock or thread. */


/* Items that a sender may be ahead of its receiver, unless the receiver says otherwise. */
#define CREDIT 64
#define MILLISECOND INT64_C(1000000)
/* The longest time that is counted, about thirty years: what is longer is for ever. */
#define LONGEST (INT64_C(1000000000) * 1000)

/* An item that has come, and waits to be taken. */
struct item {
    struct chain chain;
    stockade_owned owned;
};

/* One end of a channel: a stockade_sender, or a stockade_receiver. */
struct channel {
    struct entry entry; /* by its id, among those that are open; 0: the call that passes it has not gone */
    unsigned holders;
    stockade_core *core;            /* for the worker's part */
    bool sends, bound;              /* bound: a call has it */
    bool is_open;                   /* it stands in the table */
    bool over, dropped;             /* over: nothing more goes, or comes; dropped: its receiver said so */
    stockade_error *error;          /* why it is over, if it did not just end */
    uint64_t credit;                /* of a sender: what it may send now */
    uint64_t window, granted, owed; /* of a receiver: how far the sender may be ahead, is, and what was taken since */
    struct chain items;
    stockade_pending *call; /* of a stream: its own call, held */
};

struct stockade_sender {
    struct channel channel;
};
struct stockade_receiver {
    struct channel channel;
};

/* A channel that a call passes, under this name. */
struct passed {
    char *name;
    struct channel *channel;
};

enum whereabouts { NOWHERE, HELD, IN_FLIGHT, PUT_OFF };
enum timed { TIMED_CALL, TIMED_HANDLING, TIMED_PACE };

/* A call that this worker makes. It is *held* while there is no room for it, *in flight* once its message is in the
 * outbox, *put off* when the core has said `busy`; then it is made anew, under its next id. */
struct stockade_pending {
    struct entry entry; /* by its id, in flight */
    struct timer timer;
    struct chain chain;  /* among those held, or put off */
    struct chain nested; /* among those of its parent */
    unsigned holders;    /* whoever asked, and the place where it is */
    stockade_core *core; /* for the worker's part */
    enum whereabouts place;
    bool done;
    stockade_error *error; /* the answer, */
    stockade_owned result; /* or the other */
    int64_t deadline, again;
    bool unlimited, no_wait;
    unsigned tries;
    stockade_handling *parent;
    struct passed *passed;
    size_t passed_count;
    zmq_msg_t *raw; /* its raw arguments: kept, for it may have to be sent again */
    size_t raw_count, raw_size;
    size_t body_size, options_size, options_count;
    unsigned char bytes[]; /* command and arguments, encoded; then pairs of options that do not change */
};

/* A command that this worker answers. */
struct export {
    char *name;
    stockade_handler handler;
    void *user;
    stockade_destroy destroy;
    stockade_export_options options;
    char **arguments; /* a copy of those of the options, or NULL */
};

/* A call that this worker answers. `done` once it is answered, `stopped` why it should not go on, if so. */
struct stockade_handling {
    struct entry entry;
    struct timer timer;
    struct chain chain;  /* among those that no handler runs yet */
    struct chain nested; /* the calls that its handler has made */
    stockade_core *core; /* for the worker's part */
    const struct export *export;
    const char *command, *caller, *trace; /* the command and what is behind it stand behind the struct */
    int64_t deadline;
    bool done;
    stockade_error *stopped;
    stockade_argument *arguments; /* a block with their names; a NULL name behind */
    size_t argument_count;
    struct channel *yield;
    struct channel **channels; /* held: all of them, that of `yield` too */
    size_t channel_count;
    struct frame *frames[FRAMES + 1]; /* what the arguments point into */
    size_t frame_count;
};

/* An event that has come, and waits for its handlers. */
struct arrival {
    struct chain chain;
    struct frame *frame;
    stockade_event event; /* source and trace stand behind the struct, the name in the frame */
};

/* A subscription that has been said to the core, until its answer and as long as somebody listens. */
struct topic {
    struct chain chain;
    char *name;                 /* with its bar or slash */
    struct chain subscriptions; /* in the order in which they began */
    bool answered;
    stockade_error *denied;
};

struct stockade_subscription {
    struct chain chain;
    unsigned holders; /* the topic, the caller, and whoever runs the handler */
    stockade_core *core;
    struct topic *topic; /* NULL once it has ended */
    bool once;
    stockade_listener listener;
    void *user;
    stockade_destroy destroy;
};

/* A subscription that awaits its answer: one topic may have been asked for, dropped, asked again. */
struct asked {
    struct chain chain;
    char *name;
    struct topic *topic; /* NULL: nobody waits for it any more */
};

enum state { BORN, GREETING, OPEN, LEAVING, LEFT };

struct session {
    char *label, *stub, *core_version;
    uint64_t generation;
    enum state state;
    stockade_error *end; /* why the conversation cannot go on, once it is so */
    struct outbox outbox;
    struct timers timers;
    struct buffer message; /* where one is encoded */
    int64_t now;
    stockade_limits limits;
    struct grant commands, listen, emit;
    stockade_grants grants;
    /* calls */
    struct table flight;
    struct chain held, put_off;
    uint64_t last_call, answered, late, tries;
    double tokens; /* the pace: calls that may be made now */
    int64_t paced_at;
    struct timer pace;
    /* channels */
    struct table channels;
    uint64_t opened, last_channel_of_core, own_channels, ignored; /* opened: by this worker, 1, 3, 5 ... */
    /* calls of the core */
    struct table handled;
    struct chain asked_of_us;
    struct export *exports;
    size_t export_count;
    uint64_t last_handled, handled_count;
    /* raw frames of the batch that is being read; those that were taken are NULL */
    struct frame *frames[FRAMES];
    size_t frame_count;
    /* events */
    struct chain topics, asked;
    size_t topic_count, queue, waiting;
    struct chain arrivals;
    uint64_t events, overflowed, last_event, gaps, dropped_to;
    /* living */
    bool stopping, is_ready;
    uint64_t emitted, emits_handled, pings, last_ping, last_pong;
};

/* The conversation cannot go on: for this reason, unless there is one already. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static stockade_status
session_end(struct session *session, stockade_status status, const char *format, ...) {
    char reason[512];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(reason, sizeof reason, format, values);
    va_end(values);
    if (session->end == NULL)
        session->end = error_plain(status, "", size < 0 ? "" : reason);
    return session->end->status;
}

static stockade_status broken(struct session *session, const char *what) {
    return session_end(session, STOCKADE_CORE_BROKEN, "the core broke the protocol: %s", what);
}

static stockade_status exhausted(struct session *session) {
    return session_end(session, STOCKADE_NO_MEMORY, "there is no memory for what the core sends");
}

static bool may_speak(const struct session *session) {
    return session->state == OPEN;
}

/* Begin a message of this verb and so many elements behind it; its number first. Then outbox_put it. */
static struct buffer *say(struct session *session, size_t elements, const char *verb, uint64_t number) {
    struct buffer *message = &session->message;
    buffer_reset(message);
    put_array(message, elements + 1);
    put_text(message, verb);
    put_whole(message, number);
    return message;
}

/* How deep a value may be where so many containers stand around it. */
static size_t room_within(const struct session *session, size_t around) {
    uint64_t depth = session->limits.depth < DEPTH ? session->limits.depth : DEPTH;
    return depth > around ? (size_t)depth - around : 0;
}

/* The longest message, all its frames together. */
static size_t largest(const struct session *session) {
    uint64_t size = session->limits.message < SIZE_MAX ? session->limits.message : SIZE_MAX;
    return size > BATCH_HEAD ? (size_t)size - BATCH_HEAD : 0;
}

/* A frame with these bytes; false: no memory. */
static bool raw_init(zmq_msg_t *raw, stockade_value bytes) {
    if (zmq_msg_init_size(raw, bytes.as.bytes.size) != 0) {
        zmq_msg_init(raw);
        return false;
    }
    memcpy(zmq_msg_data(raw), bytes.as.bytes.data, bytes.as.bytes.size);
    return true;
}

static bool goes_raw(stockade_value value) {
    return value.kind == STOCKADE_BYTES && value.as.bytes.size >= RAW;
}

/* Say a message that carries a value: a result or an item. What cannot be sent is the caller's error, and not sent. */
static stockade_status say_value(struct session *session, const char *verb, uint64_t number, stockade_value value,
                                 stockade_error **error) {
    bool is_raw = goes_raw(value) && session->limits.frames > 0;
    struct buffer *message = say(session, is_raw ? 3 : 2, verb, number);
    const char *fault = put_value(message, is_raw ? stockade_null() : value, room_within(session, 2));
    if (fault != NULL)
        return cannot_say(error, verb, fault);
    size_t size = message->size + (is_raw ? value.as.bytes.size : 0);
    if (size > largest(session))
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_TOO_LARGE,
                                          "%s of %zu bytes, where a message may have %llu: send it in parts",
                                          verb[0] == 'i' ? "an item" : "a result", size,
                                          (unsigned long long)session->limits.message));
    zmq_msg_t *raw = NULL;
    if (is_raw) {
        put_map(message, 1);
        put_text(message, "raw");
        put_whole(message, 1);
        raw = malloc(sizeof *raw);
        if (raw == NULL || !raw_init(raw, value)) {
            free(raw);
            return error_give(error, without_memory());
        }
    }
    outbox_put_raw(&session->outbox, message, raw, is_raw);
    return STOCKADE_OK;
}

/* Say that a call, or a channel, ends with this error. */
static void say_error(struct session *session, const char *verb, uint64_t number, const stockade_error *error) {
    struct buffer *message = say(session, 2, verb, number);
    put_error(message, error);
    if (message->size > largest(session)) { /* its data is the application's, and may be anything */
        stockade_error *bare = error_plain(error->status, error->code, "(what was said of it is too large to be sent)");
        message = say(session, 2, verb, number);
        put_error(message, bare);
        stockade_error_free(bare);
    }
    outbox_put(&session->outbox, message);
}


/* session, channels: who may send, what has come, how each ends (docs/protocol.md, section 5). Knows no call.
 *
 * A channel is one-way; a worker numbers those that it opens odd, the core even. */


static void pending_release(struct session *session, stockade_pending *pending);

static struct channel *channel_new(bool sends) {
    struct channel *channel = calloc(1, sizeof(struct channel));
    if (channel != NULL) {
        channel->holders = 1;
        channel->sends = sends;
        chain_init(&channel->items);
    }
    return channel;
}

static void channel_forget_items(struct channel *channel) {
    while (!chain_is_empty(&channel->items)) {
        struct item *item = OWNER(channel->items.behind, struct item, chain);
        chain_remove(&item->chain);
        stockade_release(&item->owned);
        free(item);
    }
}

static void channel_release(struct channel *channel) {
    if (channel == NULL || --channel->holders > 0)
        return;
    channel_forget_items(channel);
    stockade_error_free(channel->error);
    free(channel);
}

static struct channel *channel_of(struct entry *entry) {
    return OWNER(entry, struct channel, entry);
}

static bool is_own(uint64_t number) {
    return number % 2 == 1;
}

/* The id of the channel that this worker opens as its first, its second ... */
static uint64_t own_number(uint64_t which) {
    return 2 * which - 1;
}

/* -- opening ---------------------------------------------------------------------------------------------------------- */

/* It is open from now on, under this number; the table, which must have room, holds it. */
static void channel_open(struct session *session, struct channel *channel, uint64_t number) {
    channel->entry.key = number;
    channel->is_open = true;
    channel->holders++;
    table_insert(&session->channels, &channel->entry);
    session->own_channels += is_own(number);
}

/* It is open no more. True: the table's hold of it is the caller's now, to be released last. */
static bool channel_take_out(struct session *session, struct channel *channel) {
    if (!channel->is_open)
        return false;
    channel->is_open = false;
    table_take(&session->channels, channel->entry.key);
    session->own_channels -= is_own(channel->entry.key);
    return true;
}

/* What the call that passes it says of it. */
static void put_offer(struct buffer *message, const struct channel *channel, uint64_t number) {
    put_map(message, channel->sends ? 2 : 3);
    put_text(message, "id");
    put_whole(message, number);
    put_text(message, "to");
    put_text(message, channel->sends ? "callee" : "caller");
    if (!channel->sends) {
        put_text(message, "credit");
        put_whole(message, channel->window);
    }
}

/* The call that opened it never ran, and will be made again: as if it had not been opened. */
static void channel_forget(struct session *session, struct channel *channel) {
    bool was_open = channel_take_out(session, channel);
    channel->entry.key = 0;
    channel->credit = 0;
    channel->granted = channel->window;
    if (was_open)
        channel_release(channel);
}

/* -- ending ----------------------------------------------------------------------------------------------------------- */

/* It has ended, for both sides, and nothing more is said of it. `error`, if not NULL, is copied. */
static void channel_close(struct session *session, struct channel *channel, const stockade_error *error) {
    bool was_open = channel_take_out(session, channel);
    if (!channel->over) {
        channel->over = true;
        channel->error = error ? error_copy(error) : NULL;
    }
    if (was_open)
        channel_release(channel);
}

static void channel_say_farewell(struct session *session, const struct channel *channel, const stockade_error *error) {
    if (!may_speak(session))
        return;
    if (!channel->sends)
        outbox_put(&session->outbox, say(session, 1, "drop", channel->entry.key));
    else if (error == NULL || error->status != STOCKADE_COMMAND)
        outbox_put(&session->outbox, say(session, 1, "end", channel->entry.key));
    else
        say_error(session, "end", channel->entry.key, error);
}

/* This side ends it, a sender with an error if it could not send everything. Doing so again does nothing. */
static void channel_finish(struct session *session, struct channel *channel, const stockade_error *error) {
    if (channel->over)
        return;
    if (channel->is_open)
        channel_say_farewell(session, channel, error);
    channel_close(session, channel, error);
}

/* Nobody has this end any more, so nobody will end it. A sender that this worker has opened ends with an error, for
 * whoever was to end it may have failed; one that a handler had, which has answered well, ends well. */
static void channel_forsake(struct session *session, struct channel *channel) {
    stockade_error *error = NULL;
    if (channel->sends && (channel->entry.key == 0 || is_own(channel->entry.key)))
        error = error_plain(STOCKADE_COMMAND, STOCKADE_CODE_FAILED, "its sender has freed it, and had not ended it");
    channel_forget_items(channel);
    channel_finish(session, channel, error);
    stockade_error_free(error);
}

/* The conversation is over. */
static void channels_close_all(struct session *session) {
    stockade_error *error =
        error_plain(STOCKADE_COMMAND, STOCKADE_CODE_UNAVAILABLE, "the conversation with the core has ended");
    for (struct entry *entry; (entry = table_any(&session->channels)) != NULL;)
        channel_close(session, channel_of(entry), error);
    stockade_error_free(error);
}

/* -- what this worker says -------------------------------------------------------------------------------------------- */

/* Send an item, for which there must be credit. */
static stockade_status channel_send(struct session *session, struct channel *channel, stockade_value item,
                                    stockade_error **error) {
    stockade_status status = say_value(session, "item", channel->entry.key, item, error);
    if (status == STOCKADE_OK)
        channel->credit--;
    return status;
}

/* The next item, which must be there. What was taken is granted anew, half of the window at a time. */
static stockade_owned channel_take(struct session *session, struct channel *channel) {
    struct item *item = OWNER(channel->items.behind, struct item, chain);
    stockade_owned owned = item->owned;
    chain_remove(&item->chain);
    free(item);
    channel->owed++;
    if (channel->is_open && may_speak(session) && 2 * channel->owed >= channel->window) {
        struct buffer *message = say(session, 2, "credit", channel->entry.key);
        put_whole(message, channel->owed);
        outbox_put(&session->outbox, message);
        channel->granted += channel->owed;
        channel->owed = 0;
    }
    return owned;
}

/* -- what the core says ----------------------------------------------------------------------------------------------- */

/* The open end of this kind; NULL, and counted, for one that has ended. */
static stockade_status channel_find(struct session *session, uint64_t number, bool sends, struct channel **channel) {
    struct entry *entry = table_find(&session->channels, number);
    *channel = entry ? channel_of(entry) : NULL;
    if (entry == NULL) {
        if (number == 0 || number > (is_own(number) ? 2 * session->opened : session->last_channel_of_core))
            return broken(session, "something on a channel that was never opened");
        session->ignored++;
    } else if ((*channel)->sends != sends) {
        return broken(session, "something on a channel from its wrong end");
    }
    return STOCKADE_OK;
}

static stockade_status channel_item(struct session *session, uint64_t number, stockade_value value,
                                    struct frame *frame) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, false, &channel);
    if (channel == NULL || status != STOCKADE_OK)
        return status;
    if (channel->granted == 0)
        return broken(session, "an item over the credit of its channel");
    struct item *item = malloc(sizeof *item);
    if (item == NULL)
        return exhausted(session);
    channel->granted--;
    item->owned = owned_of(value, frame);
    chain_append(&channel->items, &item->chain);
    return STOCKADE_OK;
}

static stockade_status channel_ended(struct session *session, uint64_t number, const stockade_error *error) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, false, &channel);
    if (channel != NULL && status == STOCKADE_OK)
        channel_close(session, channel, error);
    return status;
}

static stockade_status channel_credited(struct session *session, uint64_t number, uint64_t count) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, true, &channel);
    if (status != STOCKADE_OK)
        return status;
    if (count == 0 || (channel != NULL && count > LARGEST_WHOLE - channel->credit))
        return broken(session, "a credit that is none");
    if (channel != NULL)
        channel->credit += count;
    return STOCKADE_OK;
}

static stockade_status channel_dropped(struct session *session, uint64_t number) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, true, &channel);
    if (channel == NULL || status != STOCKADE_OK)
        return status;
    stockade_error *error =
        error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "its receiver wants nothing more of this channel");
    channel->dropped = true;
    channel_close(session, channel, error);
    stockade_error_free(error);
    return STOCKADE_OK;
}


/* session, calls: those that this worker makes, from the asking until the one answer each has (docs/protocol.md, section
 * 5). Knows no socket and no clock. */


/* Before a call that was answered `busy` is tried again: doubled each time, from the first to the last. */
#define FIRST_PAUSE MILLISECOND
#define LAST_PAUSE (200 * MILLISECOND)

static stockade_pending *pending_of(struct entry *entry) {
    return OWNER(entry, stockade_pending, entry);
}
static stockade_pending *pending_in(struct chain *chain) {
    return OWNER(chain, stockade_pending, chain);
}

static void passed_free(stockade_pending *pending) {
    for (size_t at = 0; at < pending->passed_count; at++) {
        free(pending->passed[at].name);
        channel_release(pending->passed[at].channel);
    }
    free(pending->passed);
    pending->passed = NULL;
    pending->passed_count = 0;
}

static void pending_release(struct session *session, stockade_pending *pending) {
    if (--pending->holders > 0)
        return;
    timers_unset(&session->timers, &pending->timer);
    chain_remove(&pending->nested);
    passed_free(pending);
    raw_free(pending->raw, pending->raw_count);
    stockade_error_free(pending->error);
    stockade_release(&pending->result);
    free(pending);
}

/* It is to be found nowhere any more. The place's hold of it ends: it may be gone then. */
static void pending_leave(struct session *session, stockade_pending *pending) {
    if (pending->place == NOWHERE)
        return;
    if (pending->place == IN_FLIGHT)
        table_take(&session->flight, pending->entry.key);
    chain_remove(&pending->chain);
    pending->place = NOWHERE;
    pending_release(session, pending);
}

/* This is its answer. The error is taken over. */
static void pending_answer(struct session *session, stockade_pending *pending, stockade_error *error,
                           stockade_owned result) {
    pending->done = true;
    pending->error = error;
    pending->result = result;
    timers_unset(&session->timers, &pending->timer);
    chain_remove(&pending->nested);
    pending->parent = NULL;
}

/* -- making one ------------------------------------------------------------------------------------------------------- */

/* What a call's arguments are, by the way in which they go. */
struct sorted {
    size_t plain, raw, raw_size, channels;
};

static bool is_channel(stockade_value value) {
    return value.kind == STOCKADE_SENDER || value.kind == STOCKADE_RECEIVER;
}

static struct channel *channel_within(stockade_value value) {
    return value.kind == STOCKADE_SENDER ? &value.as.sender->channel : &value.as.receiver->channel;
}

static struct sorted sort(const struct session *session, const stockade_argument *arguments) {
    struct sorted sorted = {0, 0, 0, 0};
    uint64_t frames = session->limits.frames < FRAMES ? session->limits.frames : FRAMES;
    for (const stockade_argument *each = arguments; each != NULL && each->name != NULL; each++) {
        if (is_channel(each->value)) {
            sorted.channels++;
        } else if (goes_raw(each->value) && sorted.raw < frames) {
            sorted.raw++;
            sorted.raw_size += each->value.as.bytes.size;
        } else if (each->value.kind != STOCKADE_MISSING) {
            sorted.plain++;
        }
    }
    return sorted;
}

/* The command and the arguments that are encoded, into session->message. Why they cannot be, and `where`; or NULL. */
static const char *put_call(struct session *session, const char *command, const stockade_argument *arguments,
                            struct sorted sorted, const char **where) {
    struct buffer *message = &session->message;
    size_t raw = sorted.raw, room = room_within(session, 3);
    buffer_reset(message);
    *where = "the command";
    const char *fault = put_value(message, stockade_text(command), 0);
    put_map(message, sorted.plain);
    for (const stockade_argument *each = arguments; fault == NULL && each != NULL && each->name != NULL; each++) {
        for (const stockade_argument *other = arguments; other != each && fault == NULL; other++) {
            if (strcmp(other->name, each->name) == 0)
                fault = "an argument that is there twice";
        }
        *where = each->name;
        if (is_channel(each->value) || each->value.kind == STOCKADE_MISSING || fault != NULL)
            continue;
        if (goes_raw(each->value) && raw > 0) {
            raw--;
            continue;
        }
        fault = put_value(message, stockade_text(each->name), 0);
        if (fault == NULL)
            fault = put_value(message, each->value, room);
    }
    return fault;
}

/* The options that stay the same from try to try, behind what put_call has put. Returns how many. */
static size_t put_fixed_options(struct buffer *message, const stockade_argument *arguments, struct sorted sorted,
                                bool idempotent, const char *trace) {
    if (sorted.raw > 0) {
        uint64_t index = 0;
        put_text(message, "raw");
        put_map(message, sorted.raw);
        for (const stockade_argument *each = arguments; index < sorted.raw; each++) {
            if (goes_raw(each->value)) {
                put_text(message, each->name);
                put_whole(message, ++index);
            }
        }
    }
    if (idempotent) {
        put_text(message, "idempotent");
        put_bool(message, true);
    }
    if (trace != NULL) {
        put_text(message, "trace");
        put_text(message, trace);
    }
    return (size_t)(sorted.raw > 0) + idempotent + (trace != NULL);
}

/* Its raw arguments, copied into frames, and its channels. False: no memory. */
static bool pending_take_arguments(stockade_pending *pending, const stockade_argument *arguments,
                                   struct sorted sorted) {
    pending->raw_size = sorted.raw_size;
    if (sorted.raw > 0 && (pending->raw = calloc(sorted.raw, sizeof *pending->raw)) == NULL)
        return false;
    if (sorted.channels > 0 && (pending->passed = calloc(sorted.channels, sizeof *pending->passed)) == NULL)
        return false;
    for (const stockade_argument *each = arguments; each != NULL && each->name != NULL; each++) {
        if (goes_raw(each->value) && pending->raw_count < sorted.raw) {
            if (!raw_init(&pending->raw[pending->raw_count++], each->value))
                return false;
        } else if (is_channel(each->value)) {
            struct passed *passed = &pending->passed[pending->passed_count];
            passed->name = malloc(strlen(each->name) + 1);
            if (passed->name == NULL)
                return false;
            strcpy(passed->name, each->name);
            passed->channel = channel_within(each->value);
            passed->channel->holders++;
            pending->passed_count++;
        }
    }
    return true;
}

/* A call that is nowhere yet, held by whoever asks. */
static stockade_status pending_make(struct session *session, const char *command, const stockade_argument *arguments,
                                    const stockade_options *options, const char *trace, stockade_pending **out,
                                    stockade_error **error) {
    struct sorted sorted = sort(session, arguments);
    const char *where = NULL;
    const char *fault = put_call(session, command, arguments, sorted, &where);
    if (fault == NULL && trace != NULL && !is_utf8(trace, strlen(trace)))
        where = "the trace", fault = "text that is not UTF-8";
    if (fault != NULL)
        return cannot_say(error, where, fault);
    struct buffer *message = &session->message;
    size_t body = message->size;
    bool idempotent = options != NULL && options->idempotent;
    size_t count = put_fixed_options(message, arguments, sorted, idempotent, trace);
    stockade_pending *pending = message->failed ? NULL : malloc(sizeof *pending + message->size);
    if (pending == NULL)
        return error_give(error, without_memory());
    memset(pending, 0, sizeof *pending);
    memcpy(pending->bytes, message->data, message->size);
    pending->holders = 1;
    pending->body_size = body;
    pending->options_size = message->size - body;
    pending->options_count = count;
    pending->deadline = pending->again = NEVER;
    pending->timer.kind = TIMED_CALL;
    chain_init(&pending->chain);
    chain_init(&pending->nested);
    if ((sorted.raw > 0 || sorted.channels > 0) && !pending_take_arguments(pending, arguments, sorted)) {
        pending_release(session, pending);
        return error_give(error, without_memory());
    }
    *out = pending;
    return STOCKADE_OK;
}

/* -- sending ---------------------------------------------------------------------------------------------------------- */

/* Take one call at the pace that the core allows: 0 if it may be made now, else the nanoseconds until one may be. The
 * core counts in the same way: so many a second, and after a pause those of one second at once. */
static int64_t pace_take(struct session *session, int64_t now) {
    double rate = session->limits.rate, burst = rate > 1 ? rate : 1;
    if (session->paced_at == 0)
        session->tokens = burst;
    else
        session->tokens += (double)(now - session->paced_at) * 1e-9 * rate;
    if (session->tokens > burst)
        session->tokens = burst;
    session->paced_at = now;
    if (session->tokens < 1)
        return (int64_t)((1 - session->tokens) / rate * 1e9) + 1;
    session->tokens -= 1;
    return 0;
}

static void put_changing_options(struct session *session, const stockade_pending *pending, int64_t now) {
    struct buffer *message = &session->message;
    bool says_deadline = pending->unlimited || pending->deadline != NEVER;
    size_t count = pending->options_count + says_deadline + (pending->parent != NULL) + (pending->passed_count > 0);
    if (count == 0)
        return;
    put_map(message, count);
    if (says_deadline) {
        int64_t left = pending->deadline > now ? pending->deadline - now : 0;
        put_text(message, "deadline");
        if (pending->unlimited)
            put_null(message);
        else
            put_whole(message, (uint64_t)((left + MILLISECOND - 1) / MILLISECOND));
    }
    if (pending->parent != NULL) {
        put_text(message, "parent");
        put_whole(message, pending->parent->entry.key);
    }
    if (pending->passed_count > 0) {
        put_text(message, "channels");
        put_map(message, pending->passed_count);
        for (size_t at = 0; at < pending->passed_count; at++) {
            put_text(message, pending->passed[at].name);
            put_offer(message, pending->passed[at].channel, own_number(session->opened + at + 1));
        }
    }
    buffer_put(message, pending->bytes + pending->body_size, pending->options_size);
}

/* The channels that it passes are open; what this side has ended while it was held is said now. */
static void open_passed(struct session *session, const stockade_pending *pending) {
    for (size_t at = 0; at < pending->passed_count; at++) {
        channel_open(session, pending->passed[at].channel, own_number(++session->opened));
    }
}

static void end_ended(struct session *session, const stockade_pending *pending) {
    for (size_t at = 0; at < pending->passed_count; at++) {
        struct channel *channel = pending->passed[at].channel;
        if (channel->over && channel->is_open) {
            channel_say_farewell(session, channel, channel->error);
            channel_close(session, channel, NULL);
        }
    }
}

static zmq_msg_t *raw_again(const stockade_pending *pending) {
    zmq_msg_t *raw = malloc(pending->raw_count * sizeof *raw);
    for (size_t at = 0; raw != NULL && at < pending->raw_count; at++) {
        zmq_msg_init(&raw[at]);
        zmq_msg_copy(&raw[at], &pending->raw[at]); /* shares the bytes */
    }
    return raw;
}

/* Put it into the outbox: it is in flight. It must be nowhere. */
static stockade_status call_send(struct session *session, stockade_pending *pending, int64_t now,
                                 stockade_error **error) {
    size_t options = pending->options_count + pending->unlimited + (pending->deadline != NEVER) +
                     (pending->parent != NULL) + (pending->passed_count > 0);
    struct buffer *message = say(session, options > 0 ? 4 : 3, "call", session->last_call + 1);
    buffer_put(message, pending->bytes, pending->body_size);
    put_changing_options(session, pending, now);
    size_t size = message->size + pending->raw_size;
    if (size > largest(session))
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_TOO_LARGE,
                                          "%zu bytes, where a call may have %zu (nothing was sent); pass what is "
                                          "larger through a channel",
                                          size, largest(session)));
    zmq_msg_t *raw = pending->raw_count > 0 ? raw_again(pending) : NULL;
    bool has_room = table_reserve(&session->flight) && !message->failed && (raw != NULL || pending->raw_count == 0);
    for (size_t at = 0; at < pending->passed_count; at++)
        has_room = has_room && table_reserve(&session->channels);
    if (!has_room) {
        raw_free(raw, raw ? pending->raw_count : 0);
        return error_give(error, without_memory());
    }
    pending->entry.key = ++session->last_call;
    pending->place = IN_FLIGHT;
    pending->holders++;
    table_insert(&session->flight, &pending->entry);
    outbox_put_raw(&session->outbox, message, raw, pending->raw_count);
    if (pending->passed_count > 0) {
        open_passed(session, pending);
        end_ended(session, pending);
    }
    return STOCKADE_OK;
}

static bool call_has_room(struct session *session, int64_t now) {
    if (!chain_is_empty(&session->held) || session->flight.count >= session->limits.calls)
        return false;
    return !session->limits.has_rate || pace_take(session, now) == 0;
}

static void call_hold(struct session *session, stockade_pending *pending) {
    pending->place = HELD;
    pending->holders++;
    chain_append(&session->held, &pending->chain);
    if (session->limits.has_rate)
        timers_set(&session->timers, &session->pace, 0); /* the next look asks the pace how long */
}

/* There may be room: send what is held, as far as it goes. */
static void calls_admit(struct session *session, int64_t now) {
    static const stockade_owned none = {{STOCKADE_MISSING, {0}}, NULL};
    while (!chain_is_empty(&session->held) && session->flight.count < session->limits.calls && may_speak(session)) {
        int64_t pause = session->limits.has_rate ? pace_take(session, now) : 0;
        if (pause > 0) {
            timers_set(&session->timers, &session->pace, now + pause);
            return;
        }
        stockade_pending *pending = pending_in(session->held.behind);
        stockade_error *error = NULL;
        pending->holders++;
        pending_leave(session, pending);
        if (call_send(session, pending, now, &error) != STOCKADE_OK)
            pending_answer(session, pending, error, none);
        pending_release(session, pending);
    }
}


/* session, asking: how a call begins, how it is answered, and how it ends without an answer. */


/* Whether its channels may go with it. */
static stockade_status check_passed(struct session *session, const stockade_pending *pending, stockade_error **error) {
    for (size_t at = 0; at < pending->passed_count; at++) {
        bool twice = pending->passed[at].channel->bound;
        for (size_t other = 0; other < at; other++)
            twice = twice || pending->passed[other].channel == pending->passed[at].channel;
        if (twice)
            return misuse(error, "a channel belongs to one call: make another");
    }
    if (session->own_channels + pending->passed_count > session->limits.channels)
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_BUSY,
                                          "%llu channels are open, and no more are taken (nothing was sent)",
                                          (unsigned long long)session->own_channels));
    return STOCKADE_OK;
}

static void pending_take_options(stockade_pending *pending, const stockade_options *options, int64_t now) {
    if (options == NULL)
        return;
    pending->no_wait = options->no_wait;
    pending->unlimited = options->timeout < 0 || options->timeout > LONGEST;
    if (options->timeout > 0 && !pending->unlimited)
        pending->deadline = now + options->timeout * MILLISECOND;
}

static stockade_status call_begin(struct session *session, stockade_pending *pending, int64_t now,
                                  stockade_error **error) {
    if (pending->passed_count > 0) {
        stockade_status status = check_passed(session, pending, error);
        if (status != STOCKADE_OK)
            return status;
    }
    if (call_has_room(session, now)) {
        stockade_status status = call_send(session, pending, now, error);
        if (status != STOCKADE_OK)
            return status;
    } else if (pending->no_wait) {
        return error_give(error, error_plain(STOCKADE_COMMAND, STOCKADE_CODE_BUSY,
                                             "as many calls are in flight, or a second, as may be (nothing was sent)"));
    } else {
        call_hold(session, pending);
    }
    for (size_t at = 0; at < pending->passed_count; at++)
        pending->passed[at].channel->bound = true;
    if (pending->deadline != NEVER && !timers_set(&session->timers, &pending->timer, pending->deadline)) {
        /* It is under way without the watch over its time; the core's own watch holds. */
        pending->timer.place = 0;
    }
    return STOCKADE_OK;
}

/* Ask for a command: it is in flight at once if there is room, else held until there is. `now` counts only with a
 * timeout or a rate. */
static stockade_status calls_ask(struct session *session, const char *command, const stockade_argument *arguments,
                                 const stockade_options *options, stockade_handling *parent, const char *trace,
                                 int64_t now, stockade_pending **out, stockade_error **error) {
    if (!grant_allows(&session->commands, command))
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_NOT_ALLOWED,
                                          "%s may not call \"%s\" (its grants say so; nothing was sent)",
                                          session->label, command));
    if (parent != NULL && parent->stopped != NULL)
        return error_give(error, error_copy(parent->stopped));
    stockade_pending *pending = NULL;
    stockade_status status = pending_make(session, command, arguments, options, trace, &pending, error);
    if (pending == NULL)
        return status;
    pending_take_options(pending, options, now);
    if (parent != NULL) {
        pending->parent = parent;
        chain_append(&parent->nested, &pending->nested);
    }
    status = call_begin(session, pending, now, error);
    if (status == STOCKADE_OK)
        *out = pending;
    else
        pending_release(session, pending);
    return status;
}

/* -- answers, and ends ------------------------------------------------------------------------------------------------ */

/* Milliseconds that the core asks to wait, beyond which it may have said nothing. */
static int64_t retry_after(const stockade_error *error) {
    uint64_t milliseconds = 0;
    as_whole(stockade_get(error->data, "retry_after_ms"), &milliseconds);
    return milliseconds < 10000 ? (int64_t)milliseconds * MILLISECOND : 10000 * MILLISECOND;
}

/* The core is busy: try again, at the deadline at the latest. */
static void call_put_off(struct session *session, stockade_pending *pending, const stockade_error *error) {
    int64_t now = session->now;
    for (size_t at = 0; at < pending->passed_count; at++)
        channel_forget(session, pending->passed[at].channel);
    if (pending->deadline == NEVER && !pending->unlimited && session->limits.has_deadline)
        pending->deadline = now + (int64_t)session->limits.deadline * MILLISECOND; /* else each try had it anew */
    int64_t pause = FIRST_PAUSE << (pending->tries < 8 ? pending->tries : 8);
    pause = pause < LAST_PAUSE ? pause : LAST_PAUSE;
    /* Half of it by chance, so that those who were refused together do not come again together. */
    pause = pause / 2 + (int64_t)((uint64_t)now / 1000 * 2654435761U % 1024) * (pause / 2) / 1024;
    pending->tries++;
    session->tries++;
    pending->again = now + pause + retry_after(error);
    pending->place = PUT_OFF;
    pending->holders++;
    chain_append(&session->put_off, &pending->chain);
    timers_set(&session->timers, &pending->timer,
               pending->again < pending->deadline ? pending->again : pending->deadline);
}

/* Take it out of those in flight. It is held by the caller then. NULL, and the end, if there is none. */
static stockade_pending *call_answered(struct session *session, uint64_t number) {
    struct entry *entry = table_take(&session->flight, number);
    if (entry == NULL) {
        broken(session, "an answer to a call that was never made, or has been answered");
        return NULL;
    }
    session->answered++;
    stockade_pending *pending = pending_of(entry);
    pending->place = NOWHERE;
    if (pending->done)
        session->late++;
    return pending;
}

static stockade_status call_succeeded(struct session *session, uint64_t number, stockade_value value,
                                      struct frame *frame) {
    stockade_pending *pending = call_answered(session, number);
    if (pending == NULL)
        return session->end->status;
    if (!pending->done)
        pending_answer(session, pending, NULL, owned_of(value, frame));
    pending_release(session, pending);
    return STOCKADE_OK;
}

/* The answer is an error, which is taken over. */
static stockade_status call_failed(struct session *session, uint64_t number, stockade_error *error) {
    static const stockade_owned none = {{STOCKADE_MISSING, {0}}, NULL};
    stockade_pending *pending = call_answered(session, number);
    if (pending == NULL || pending->done) {
        stockade_error_free(error);
    } else if (stockade_error_is(error, STOCKADE_CODE_BUSY) && !pending->no_wait && may_speak(session)) {
        call_put_off(session, pending, error);
        stockade_error_free(error);
    } else {
        for (size_t at = 0; at < pending->passed_count; at++)
            channel_close(session, pending->passed[at].channel, error);
        pending_answer(session, pending, error, none);
    }
    if (pending == NULL)
        return session->end->status;
    pending_release(session, pending);
    return STOCKADE_OK;
}

/* Nobody wants its answer any more: it ends with this error, which is taken over; the core is told if it knows of the
 * call. Its id and its place among those in flight stay taken until the core's answer. */
static void call_cancel(struct session *session, stockade_pending *pending, stockade_error *error) {
    static const stockade_owned none = {{STOCKADE_MISSING, {0}}, NULL};
    if (pending->done) {
        stockade_error_free(error);
        return;
    }
    pending->holders++;
    if (pending->place == IN_FLIGHT && may_speak(session))
        outbox_put(&session->outbox, say(session, 1, "cancel", pending->entry.key));
    if (pending->place != IN_FLIGHT)
        pending_leave(session, pending);
    /* The answer may have crossed, and a result leaves channels open: so each is ended too. */
    for (size_t at = 0; at < pending->passed_count; at++)
        channel_finish(session, pending->passed[at].channel, error);
    pending_answer(session, pending, error, none);
    pending_release(session, pending);
}

/* Its time has come: it is over, or it is to be tried again. */
static void call_look(struct session *session, stockade_pending *pending, int64_t now) {
    if (pending->done)
        return;
    if (now >= pending->deadline) {
        bool ran = pending->place == IN_FLIGHT;
        call_cancel(session, pending,
                    error_plain(STOCKADE_COMMAND, STOCKADE_CODE_DEADLINE_EXCEEDED,
                                ran ? "no answer in its time" : "busy for all of its time, so it never ran"));
    } else if (pending->place == PUT_OFF) {
        chain_remove(&pending->chain);
        pending->place = HELD;
        chain_append(&session->held, &pending->chain);
        timers_set(&session->timers, &pending->timer, pending->deadline);
    }
}

/* The call that was being handled when these were made should not go on, so neither should these. */
static void cancel_nested(struct session *session, stockade_handling *handling) {
    while (!chain_is_empty(&handling->nested)) {
        stockade_pending *pending = OWNER(handling->nested.behind, stockade_pending, nested);
        call_cancel(session, pending,
                    handling->stopped ? error_copy(handling->stopped)
                                      : error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED,
                                                    "the call that this one belongs to has ended"));
    }
}

/* Nothing more may be said: what is not in flight never will be. */
static void calls_close(struct session *session) {
    struct chain *lists[] = {&session->held, &session->put_off};
    for (size_t list = 0; list < 2; list++) {
        while (!chain_is_empty(lists[list]))
            call_cancel(session, pending_in(lists[list]->behind),
                        error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "this worker leaves"));
    }
}

/* The conversation is over: nobody will answer what is in flight. It has no answer then. */
static void calls_abandon(struct session *session) {
    calls_close(session);
    for (struct entry *entry; (entry = table_any(&session->flight)) != NULL;) {
        timers_unset(&session->timers, &pending_of(entry)->timer);
        pending_leave(session, pending_of(entry));
    }
}


/* session, handled: the calls that this worker answers, each once (docs/protocol.md, section 5). Runs no handler. */


static stockade_handling *handling_of(struct entry *entry) {
    return OWNER(entry, stockade_handling, entry);
}

static struct export *export_find(const struct session *session, const char *name, size_t size) {
    for (size_t at = 0; at < session->export_count; at++) {
        struct export *export = &session->exports[at];
        if (strlen(export->name) == size && memcmp(export->name, name, size) == 0)
            return export;
    }
    return NULL;
}

/* Give back what it has copied. */
static void export_clear(struct export *export) {
    for (char **each = export->arguments; each != NULL && *each != NULL; each++)
        free(*each);
    free(export->arguments);
    free(export->name);
}

/* Free it, when it is answered and no handler runs it any more. What its handler left open ends. */
static void handling_free(struct session *session, stockade_handling *handling) {
    for (size_t at = 0; at < handling->channel_count; at++) {
        if (session->state == OPEN)
            channel_forsake(session, handling->channels[at]);
        channel_release(handling->channels[at]);
    }
    while (!chain_is_empty(&handling->nested)) {
        stockade_pending *pending = OWNER(handling->nested.behind, stockade_pending, nested);
        if (pending->place == HELD || pending->place == PUT_OFF) {
            call_cancel(session, pending,
                        error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED,
                                    "the call that this one belongs to has been answered"));
        } else { /* the core answers it: `cancelled`, unless the result has crossed */
            chain_remove(&pending->nested);
            pending->parent = NULL;
        }
    }
    timers_unset(&session->timers, &handling->timer);
    for (size_t at = 0; at < handling->frame_count; at++)
        frame_release(handling->frames[at]);
    chain_remove(&handling->chain);
    stockade_error_free(handling->stopped);
    free(handling->channels);
    free(handling->arguments);
    free(handling);
}

/* -- what this worker says -------------------------------------------------------------------------------------------- */

static void handling_done(struct session *session, stockade_handling *handling) {
    handling->done = true;
    table_take(&session->handled, handling->entry.key);
    timers_unset(&session->timers, &handling->timer);
}

/* Its error, with which its channels end too, unless it has been answered. */
static void handling_fail(struct session *session, stockade_handling *handling, const stockade_error *error) {
    if (handling->done)
        return;
    if (may_speak(session)) {
        if (handling->yield != NULL) /* its end comes before the answer, with the same error */
            channel_finish(session, handling->yield, error);
        say_error(session, "error", handling->entry.key, error);
    }
    handling_done(session, handling);
    for (size_t at = 0; at < handling->channel_count; at++)
        channel_close(session, handling->channels[at], error);
}

/* Its result; its channels stay open. What cannot be sent is an error for its caller, and said. A call that has been
 * answered meanwhile, for its time was over, keeps that answer. */
static stockade_status handling_succeed(struct session *session, stockade_handling *handling, stockade_value result,
                                        stockade_error **error) {
    if (handling->done || !may_speak(session))
        return STOCKADE_OK;
    stockade_error *fault = NULL;
    stockade_status status = say_value(session, "result", handling->entry.key, result, &fault);
    if (status == STOCKADE_OK) {
        handling_done(session, handling);
        return STOCKADE_OK;
    }
    stockade_error *answer =
        status == STOCKADE_COMMAND
            ? error_copy(fault)
            : error_of(STOCKADE_COMMAND, STOCKADE_CODE_FAILED, "the result of %s cannot be sent", handling->command);
    handling_fail(session, handling, answer);
    stockade_error_free(answer);
    return error_give(error, fault);
}

/* -- what the core says of it ----------------------------------------------------------------------------------------- */

/* It should not go on: for this reason, which is taken over. One that no handler runs yet is answered at once, and
 * gone. */
static void handling_stop(struct session *session, stockade_handling *handling, stockade_error *why) {
    if (handling->stopped == NULL)
        handling->stopped = why;
    else
        stockade_error_free(why);
    cancel_nested(session, handling);
    if (!chain_is_empty(&handling->chain)) {
        handling_fail(session, handling, handling->stopped);
        handling_free(session, handling);
    }
}

/* Its time is over: it is answered now, whatever its handler does. */
static void handling_expire(struct session *session, stockade_handling *handling) {
    stockade_error *why =
        error_of(STOCKADE_COMMAND, STOCKADE_CODE_DEADLINE_EXCEEDED, "%s took longer than it had", handling->command);
    handling_fail(session, handling, why);
    handling_stop(session, handling, why);
}

static stockade_status handling_cancelled_by_core(struct session *session, uint64_t number) {
    if (number == 0 || number > session->last_handled)
        return broken(session, "a cancel of a call that was never made");
    struct entry *entry = table_find(&session->handled, number);
    if (entry != NULL)
        handling_stop(session, handling_of(entry),
                      error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "the call was cancelled"));
    return STOCKADE_OK;
}

/* -- a call that comes ------------------------------------------------------------------------------------------------ */

/* What a call says beside its arguments. */
struct said {
    bool has_deadline, insists; /* insists: on an option that is not known here */
    uint64_t deadline;
    stockade_value caller, trace, channels, raw;
};

/* The options of a call: false if one has a value that it may not have. */
static bool read_call_options(stockade_value options, struct said *said) {
    stockade_value key, value;
    stockade_iterator each = stockade_iterate(options);
    while (stockade_next(&each, &key, &value)) {
        if (key.as.text.size > 0 && key.as.text.data[0] == '!')
            said->insists = true;
        if (stockade_is_text(key, "deadline")) {
            said->has_deadline = value.kind != STOCKADE_NULL;
            if (said->has_deadline && !as_whole(value, &said->deadline))
                return false;
        } else if (stockade_is_text(key, "caller")) {
            said->caller = value;
        } else if (stockade_is_text(key, "trace")) {
            if (value.kind == STOCKADE_TEXT)
                said->trace = value;
        } else if (stockade_is_text(key, "channels")) {
            said->channels = value;
        } else if (stockade_is_text(key, "raw")) {
            said->raw = value;
        }
    }
    return (said->caller.kind == STOCKADE_MISSING || said->caller.kind == STOCKADE_TEXT) &&
           (said->channels.kind == STOCKADE_MISSING || said->channels.kind == STOCKADE_MAP) &&
           (said->raw.kind == STOCKADE_MISSING || said->raw.kind == STOCKADE_MAP);
}

/* A channel that a call of the core's opens, under the id that it has. */
static stockade_status handling_accept(struct session *session, stockade_handling *handling, uint64_t last,
                                       stockade_value offer, struct channel **out) {
    uint64_t number = 0, credit = 0;
    stockade_value to = stockade_get(offer, "to"), granted = stockade_get(offer, "credit");
    bool sends = stockade_is_text(to, "caller");
    if (offer.kind != STOCKADE_MAP || !as_whole(stockade_get(offer, "id"), &number) ||
        (!sends && !stockade_is_text(to, "callee")) ||
        (granted.kind != STOCKADE_MISSING && !as_whole(granted, &credit)))
        return broken(session, "a call with a channel that is none");
    if (is_own(number) || number <= last || table_find(&session->channels, number) != NULL)
        return broken(session, "a call with a channel whose id is not above the last");
    struct channel *channel = channel_new(sends);
    if (channel == NULL || !table_reserve(&session->channels)) {
        channel_release(channel);
        return exhausted(session);
    }
    channel->bound = true;
    channel->core = handling->core;
    channel_open(session, channel, number);
    if (number > session->last_channel_of_core)
        session->last_channel_of_core = number;
    if (sends) {
        channel->credit = credit;
    } else {
        channel->window = channel->granted = CREDIT;
        struct buffer *message = say(session, 2, "credit", number);
        put_whole(message, CREDIT);
        outbox_put(&session->outbox, message);
    }
    handling->channels[handling->channel_count++] = channel;
    *out = channel;
    return STOCKADE_OK;
}

/* The frame of this index of the batch that is being read, which is taken. */
static struct frame *take_raw(struct session *session, stockade_value index) {
    uint64_t number = 0;
    if (!as_whole(index, &number) || number == 0 || number > session->frame_count)
        return NULL;
    struct frame *frame = session->frames[number - 1];
    session->frames[number - 1] = NULL;
    return frame;
}

static bool has_argument(const stockade_handling *handling, stockade_value name) {
    for (size_t at = 0; at < handling->argument_count; at++) {
        if (stockade_is_text(name, handling->arguments[at].name))
            return true;
    }
    return false;
}

static void add_argument(stockade_handling *handling, char **names, stockade_value name, stockade_value value) {
    stockade_argument *argument = &handling->arguments[handling->argument_count++];
    argument->name = *names;
    argument->value = value;
    memcpy(*names, name.as.text.data, name.as.text.size);
    *names += name.as.text.size + 1; /* the block is zeros */
}

static stockade_status add_raw_arguments(struct session *session, stockade_handling *handling, char **names,
                                         stockade_value raw) {
    stockade_value name, index;
    stockade_iterator each = stockade_iterate(raw);
    while (stockade_next(&each, &name, &index)) {
        struct frame *frame = take_raw(session, index);
        if (frame == NULL || has_argument(handling, name)) {
            frame_release(frame);
            return broken(session, "a call with a raw argument that has no frame, or stands there twice");
        }
        handling->frames[handling->frame_count++] = frame;
        add_argument(handling, names, name, stockade_bytes(frame_data(frame), frame_size(frame)));
    }
    return STOCKADE_OK;
}

static stockade_status add_channels(struct session *session, stockade_handling *handling, char **names,
                                    stockade_value offers) {
    uint64_t last = session->last_channel_of_core;
    stockade_value name, offer;
    stockade_iterator each = stockade_iterate(offers);
    while (stockade_next(&each, &name, &offer)) {
        struct channel *channel = NULL;
        stockade_status status = has_argument(handling, name)
                                     ? broken(session, "a call with an argument that stands there twice")
                                     : handling_accept(session, handling, last, offer, &channel);
        if (status != STOCKADE_OK)
            return status;
        if (stockade_is_text(name, "yield"))
            handling->yield = channel;
        else
            add_argument(handling, names, name,
                         channel->sends ? stockade_sending((stockade_sender *)(void *)channel)
                                        : stockade_receiving((stockade_receiver *)(void *)channel));
    }
    return STOCKADE_OK;
}

/* Room for the arguments of three maps, and their names: one block, of zeros. */
static bool handling_reserve(stockade_handling *handling, const stockade_value *maps, char **names) {
    size_t count = 1, bytes = 0;
    for (size_t at = 0; at < 3; at++) {
        count += stockade_count(maps[at]);
        bytes += maps[at].kind == STOCKADE_MAP ? maps[at].as.items.size + stockade_count(maps[at]) : 0;
    }
    handling->arguments = calloc(1, count * sizeof *handling->arguments + bytes);
    handling->channels = calloc(stockade_count(maps[2]) + 1, sizeof *handling->channels);
    if (handling->arguments == NULL || handling->channels == NULL)
        return false;
    *names = (char *)(handling->arguments + count);
    return true;
}

static stockade_status handling_fill(struct session *session, stockade_handling *handling, stockade_value arguments,
                                     const struct said *said, struct frame *frame) {
    const stockade_value maps[3] = {arguments, said->raw, said->channels};
    char *names = NULL;
    if (!handling_reserve(handling, maps, &names))
        return exhausted(session);
    handling->frames[handling->frame_count++] = frame_hold(frame);
    stockade_value name, value;
    stockade_iterator each = stockade_iterate(arguments);
    while (stockade_next(&each, &name, &value))
        add_argument(handling, &names, name, value);
    stockade_status status = add_raw_arguments(session, handling, &names, said->raw);
    return status == STOCKADE_OK ? add_channels(session, handling, &names, said->channels) : status;
}

static char *text_behind(char **place, stockade_value text) {
    char *begin = *place;
    memcpy(begin, text.as.text.data, text.as.text.size);
    *place += text.as.text.size + 1;
    return begin;
}

static stockade_handling *handling_new(uint64_t number, stockade_value command, const struct said *said) {
    stockade_value caller = said->caller.kind == STOCKADE_TEXT ? said->caller : stockade_text("core");
    size_t trace = said->trace.kind == STOCKADE_TEXT ? said->trace.as.text.size + 1 : 0;
    stockade_handling *handling =
        calloc(1, sizeof *handling + command.as.text.size + 1 + caller.as.text.size + 1 + trace);
    if (handling == NULL)
        return NULL;
    char *place = (char *)(handling + 1);
    handling->entry.key = number;
    handling->timer.kind = TIMED_HANDLING;
    handling->deadline = NEVER;
    chain_init(&handling->chain);
    chain_init(&handling->nested);
    handling->command = text_behind(&place, command);
    handling->caller = text_behind(&place, caller);
    handling->trace = trace > 0 ? text_behind(&place, said->trace) : NULL;
    return handling;
}

/* It may run: or it asks for what is not known here, there is no such export, or no time. */
static void handling_admit(struct session *session, stockade_handling *handling, const struct said *said) {
    if (said->insists || handling->export == NULL) {
        stockade_error *error =
            said->insists
                ? error_plain(STOCKADE_COMMAND, STOCKADE_CODE_BAD_MESSAGE, "an option that insists is unknown")
                : error_of(STOCKADE_COMMAND, STOCKADE_CODE_NOT_FOUND, "%s does not export \"%s\"", session->label,
                           handling->command);
        handling_fail(session, handling, error);
        stockade_error_free(error);
        handling_free(session, handling);
        return;
    }
    chain_append(&session->asked_of_us, &handling->chain);
    if (said->has_deadline && said->deadline == 0) {
        handling_expire(session, handling);
    } else if (said->has_deadline && said->deadline < (uint64_t)LONGEST) {
        handling->deadline = session->now + (int64_t)said->deadline * MILLISECOND;
        timers_set(&session->timers, &handling->timer, handling->deadline);
    }
}

/* The core asks. */
static stockade_status handled_call(struct session *session, stockade_core *core, uint64_t number,
                                    stockade_value command, stockade_value arguments, stockade_value options,
                                    struct frame *frame) {
    struct said said;
    memset(&said, 0, sizeof said);
    if (options.kind != STOCKADE_MISSING && (options.kind != STOCKADE_MAP || !read_call_options(options, &said)))
        return broken(session, "a call with options that do not fit");
    if (number <= session->last_handled)
        return broken(session, "a call whose id is not above the last");
    session->last_handled = number;
    session->handled_count++;
    stockade_handling *handling = handling_new(number, command, &said);
    if (handling == NULL || !table_reserve(&session->handled)) {
        free(handling);
        return exhausted(session);
    }
    handling->core = core;
    handling->export = export_find(session, command.as.text.data, command.as.text.size);
    table_insert(&session->handled, &handling->entry);
    stockade_status status = handling_fill(session, handling, arguments, &said, frame);
    if (status != STOCKADE_OK) {
        handling_done(session, handling);
        handling_free(session, handling);
        return status;
    }
    handling_admit(session, handling, &said);
    return STOCKADE_OK;
}

/* The next one to run, or NULL; the caller frees it. */
static stockade_handling *handled_next(struct session *session) {
    if (chain_is_empty(&session->asked_of_us))
        return NULL;
    stockade_handling *handling = OWNER(session->asked_of_us.behind, stockade_handling, chain);
    chain_remove(&handling->chain);
    return handling;
}

/* All that nobody has run: the conversation is over. */
static void handled_abandon(struct session *session) {
    for (stockade_handling *handling; (handling = handled_next(session)) != NULL;) {
        handling_done(session, handling);
        handling_free(session, handling);
    }
}


/* session, events: names and topics, who listens to what, what has come and waits (docs/protocol.md, section 7). */


#define LONGEST_NAME 128

/* Whether these characters name an event; one that ends in a slash is a prefix, and none. */
static bool is_event_n(const char *name, size_t size) {
    static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/:.-";
    if (size == 0 || size > LONGEST_NAME || name[size - 1] == '/')
        return false;
    for (size_t at = 0; at < size; at++) {
        if (name[at] == '\0' || strchr(ALLOWED, name[at]) == NULL)
            return false;
    }
    return true;
}

static bool is_event(const char *name) {
    return is_event_n(name, strlen(name));
}

/* -- what comes ------------------------------------------------------------------------------------------------------- */

static void arrival_free(struct arrival *arrival) {
    chain_remove(&arrival->chain);
    frame_release(arrival->frame);
    free(arrival);
}

static const char *copy_text(char **place, stockade_value text) {
    if (text.kind != STOCKADE_TEXT)
        return NULL;
    return text_behind(place, text);
}

/* The event that a frame of the events socket says: its bar becomes the NUL of its name. NULL and `fault` if it says
 * none. The frame is held. */
static struct arrival *read_event(struct frame *frame, const char **fault) {
    char *data = (char *)zmq_msg_data(&frame->message);
    size_t size = frame_size(frame);
    char *bar = size ? memchr(data, '|', size) : NULL;
    if (bar == NULL || !is_event_n(data, (size_t)(bar - data))) {
        *fault = "an event without a name and a bar";
        return NULL;
    }
    stockade_value body, seq = {STOCKADE_MISSING, {0}}, source = seq, payload = seq, options = seq;
    uint64_t number = 0;
    *fault = wire_decode((unsigned char *)bar + 1, size - (size_t)(bar + 1 - data), &body);
    if (*fault != NULL)
        return NULL;
    *fault = "an event that is not [seq, source, payload]";
    if (body.kind != STOCKADE_ARRAY || stockade_count(body) < 3)
        return NULL;
    stockade_iterator each = stockade_iterate(body);
    stockade_next(&each, NULL, &seq);
    stockade_next(&each, NULL, &source);
    stockade_next(&each, NULL, &payload);
    stockade_next(&each, NULL, &options);
    if (!as_whole(seq, &number) || number == 0 || source.kind != STOCKADE_TEXT)
        return NULL;
    stockade_value trace = stockade_get(options, "trace");
    struct arrival *arrival = calloc(1, sizeof *arrival + source.as.text.size + 1 +
                                            (trace.kind == STOCKADE_TEXT ? trace.as.text.size + 1 : 0));
    *fault = arrival ? NULL : NO_MEMORY;
    if (arrival == NULL)
        return NULL;
    char *place = (char *)(arrival + 1);
    *bar = '\0';
    chain_init(&arrival->chain);
    arrival->frame = frame_hold(frame);
    arrival->event.name = data;
    arrival->event.source = copy_text(&place, source);
    arrival->event.trace = copy_text(&place, trace);
    arrival->event.payload = payload;
    arrival->event.seq = number;
    return arrival;
}

/* One frame of the events socket. */
static stockade_status session_receive_event(struct session *session, struct frame *frame) {
    const char *fault = NULL;
    if (session->state == BORN || session->state == GREETING)
        return broken(session, "an event before welcome");
    struct arrival *arrival = read_event(frame, &fault);
    if (arrival == NULL)
        return fault == NO_MEMORY ? exhausted(session) : broken(session, fault);
    if (arrival->event.seq <= session->last_event) {
        arrival_free(arrival);
        return broken(session, "an event whose number is not above the last");
    }
    session->gaps += arrival->event.seq - session->last_event - 1;
    session->last_event = arrival->event.seq;
    session->events++;
    if (session->waiting < session->queue) {
        session->waiting++;
        chain_append(&session->arrivals, &arrival->chain);
    } else {
        session->overflowed++;
        arrival_free(arrival);
    }
    return STOCKADE_OK;
}

/* The oldest that waits, or NULL; the caller frees it. */
static struct arrival *session_next_event(struct session *session) {
    if (chain_is_empty(&session->arrivals))
        return NULL;
    struct arrival *arrival = OWNER(session->arrivals.behind, struct arrival, chain);
    chain_remove(&arrival->chain);
    session->waiting--;
    return arrival;
}

/* Events that no handler will see. What is still on its way when the core tells of later drops is counted until it
 * arrives. */
static uint64_t session_missed(const struct session *session) {
    uint64_t dropped = session->dropped_to > session->last_event ? session->dropped_to - session->last_event : 0;
    return session->gaps + session->overflowed + dropped;
}

/* -- listening -------------------------------------------------------------------------------------------------------- */

static struct topic *topic_in(struct chain *chain) {
    return OWNER(chain, struct topic, chain);
}
static struct asked *asked_in(struct chain *chain) {
    return OWNER(chain, struct asked, chain);
}
static stockade_subscription *subscription_in(struct chain *chain) {
    return OWNER(chain, stockade_subscription, chain);
}

static struct topic *topic_find(const struct session *session, const char *name) {
    for (struct chain *each = session->topics.behind; each != &session->topics; each = each->behind) {
        if (strcmp(topic_in(each)->name, name) == 0)
            return topic_in(each);
    }
    return NULL;
}

static void topic_free(struct session *session, struct topic *topic) {
    for (struct chain *each = session->asked.behind; each != &session->asked; each = each->behind) {
        if (asked_in(each)->topic == topic)
            asked_in(each)->topic = NULL;
    }
    chain_remove(&topic->chain);
    session->topic_count--;
    stockade_error_free(topic->denied);
    free(topic->name);
    free(topic);
}

static bool may_listen(const struct session *session, const char *name) {
    size_t size = strlen(name);
    return size > 1 && name[size - 1] == '/' ? grant_covers(&session->listen, name)
                                             : grant_allows(&session->listen, name);
}

/* A new topic, which is about to be subscribed to. `name` has its bar or slash. NULL: no memory. */
static struct topic *topic_new(struct session *session, const char *name) {
    struct topic *topic = calloc(1, sizeof *topic);
    struct asked *asked = calloc(1, sizeof *asked);
    size_t size = strlen(name) + 1;
    if (topic == NULL || asked == NULL || (topic->name = malloc(size)) == NULL ||
        (asked->name = malloc(size)) == NULL) {
        free(topic ? topic->name : NULL);
        free(topic);
        free(asked);
        return NULL;
    }
    memcpy(topic->name, name, size);
    memcpy(asked->name, name, size);
    chain_init(&topic->subscriptions);
    chain_append(&session->topics, &topic->chain);
    session->topic_count++;
    asked->topic = topic;
    chain_append(&session->asked, &asked->chain);
    return topic;
}

/* The core's answer to a subscription; `denied`, if not NULL, is taken over. */
static stockade_status subscription_answered(struct session *session, stockade_value name, stockade_error *denied) {
    for (struct chain *each = session->asked.behind; each != &session->asked; each = each->behind) {
        struct asked *asked = asked_in(each);
        if (!stockade_is_text(name, asked->name))
            continue;
        if (asked->topic != NULL) {
            asked->topic->answered = true;
            asked->topic->denied = denied;
        } else {
            stockade_error_free(denied);
        }
        chain_remove(&asked->chain);
        free(asked->name);
        free(asked);
        return STOCKADE_OK;
    }
    stockade_error_free(denied);
    return broken(session, "an answer to a subscription that was never made");
}

/* Whether this topic has this event: the event itself, or a prefix of it. */
static bool topic_has(const char *topic, const char *name) {
    size_t size = strlen(topic) - 1;
    if (strncmp(topic, name, size) != 0)
        return false;
    return topic[size] == '/' ? name[size] == '/' : name[size] == '\0';
}

/* -- emitting --------------------------------------------------------------------------------------------------------- */

/* The frame of an emit, as the next one, into session->message. `emitted` is to be raised when it has gone. */
static stockade_status session_prepare_emit(struct session *session, const char *name, stockade_value payload,
                                            const char *to, const char *trace, stockade_error **error) {
    if (!is_event(name))
        return misuse(error, "no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . -, no slash at the end");
    if (!grant_allows(&session->emit, name))
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_NOT_ALLOWED,
                                          "%s may not emit \"%s\" (its grants say so; nothing was sent)",
                                          session->label, name));
    struct buffer *frame = &session->message;
    buffer_reset(frame);
    buffer_put(frame, name, strlen(name));
    buffer_put(frame, "|", 1);
    put_array(frame, to || trace ? 3 : 2);
    put_whole(frame, session->emitted + 1);
    const char *fault = put_value(frame, payload, room_within(session, 1));
    if (fault != NULL)
        return cannot_say(error, "the payload", fault);
    if (to || trace) {
        put_map(frame, (size_t)(to != NULL) + (trace != NULL));
        if (to != NULL)
            put_text(frame, "to");
        if (to != NULL && (fault = put_value(frame, stockade_text(to), 0)) != NULL)
            return cannot_say(error, "to", fault);
        if (trace != NULL)
            put_text(frame, "trace");
        if (trace != NULL && (fault = put_value(frame, stockade_text(trace), 0)) != NULL)
            return cannot_say(error, "trace", fault);
    }
    if (frame->failed)
        return error_give(error, without_memory());
    if (frame->size > session->limits.event)
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_TOO_LARGE,
                                          "%zu bytes, where an event may have %llu (nothing was sent)", frame->size,
                                          (unsigned long long)session->limits.event));
    return STOCKADE_OK;
}


/* session: one worker's side of the conversation: what a frame of the core means, and what may come when. Frames go in,
 * and come out of its outbox. Knows no socket, clock, thread or loop; `now` is in nanoseconds. */


static char *text_dup(const char *text) {
    char *copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

/* False: no memory, and there is nothing to free. */
static bool session_init(struct session *session, const char *label, uint64_t generation, const char *stub,
                         size_t queue) {
    memset(session, 0, sizeof *session);
    struct chain *chains[] = {&session->held,   &session->put_off, &session->asked_of_us,
                              &session->topics, &session->asked,   &session->arrivals};
    for (size_t at = 0; at < sizeof chains / sizeof *chains; at++)
        chain_init(chains[at]);
    session->label = text_dup(label);
    session->stub = text_dup(stub);
    session->core_version = text_dup("");
    session->generation = generation;
    session->queue = queue;
    session->pace.kind = TIMED_PACE;
    session->limits.depth = DEPTH;
    session->outbox.messages = 1;
    session->outbox.size = 65536;
    if (session->label != NULL && session->stub != NULL && session->core_version != NULL)
        return true;
    free(session->label);
    free(session->stub);
    free(session->core_version);
    return false;
}

/* -- what this worker says ------------------------------------------------------------------------------------------- */

static void session_hello(struct session *session) {
    struct buffer *message = &session->message;
    buffer_reset(message);
    put_array(message, 2);
    put_text(message, "hello");
    put_map(message, 2);
    put_text(message, "protocol");
    put_whole(message, STOCKADE_PROTOCOL);
    put_text(message, "stub");
    put_text(message, session->stub);
    outbox_put(&session->outbox, message);
    session->state = GREETING;
}

/* Say, once, that this worker has set up what it needs, and what it exports. */
static void session_ready(struct session *session) {
    if (session->is_ready)
        return;
    session->is_ready = true;
    struct buffer *message = &session->message;
    buffer_reset(message);
    put_array(message, session->export_count > 0 ? 2 : 1);
    put_text(message, "ready");
    if (session->export_count > 0) {
        put_map(message, 1);
        put_text(message, "exports");
        put_map(message, session->export_count);
    }
    for (size_t at = 0; at < session->export_count; at++) {
        const struct export *export = &session->exports[at];
        put_text(message, export->name);
        put_map(message, 2);
        put_text(message, "concurrency");
        put_whole(message, export->options.concurrency);
        put_text(message, "idempotent");
        put_bool(message, export->options.idempotent);
    }
    outbox_put(&session->outbox, message);
}

/* Take leave: nothing more may be said. The state is LEFT when the core has answered. */
static void session_bye(struct session *session) {
    calls_close(session);
    channels_close_all(session);
    struct buffer *message = &session->message;
    buffer_reset(message);
    put_array(message, 2);
    put_text(message, "bye");
    put_map(message, 1);
    put_text(message, "emitted");
    put_whole(message, session->emitted);
    outbox_put(&session->outbox, message);
    session->state = LEAVING;
}

/* The conversation is over: what was under way ends. */
static void session_close(struct session *session) {
    session->state = LEFT;
    calls_abandon(session);
    channels_close_all(session);
    handled_abandon(session);
}

/* -- what the core says: readings of elements -------------------------------------------------------------------------- */

/* The elements behind a verb; those that are not there are STOCKADE_MISSING. */
struct said_message {
    stockade_value elements[4];
    size_t count;
    uint64_t number; /* of those whose first element is the protocol's own integer */
    struct frame *frame;
    stockade_core *core;
};

/* An error that the core says; NULL if it is none, or without memory. */
static stockade_error *read_error(stockade_value error) {
    stockade_value code = stockade_get(error, "code"), message = stockade_get(error, "message");
    if (code.kind != STOCKADE_TEXT || message.kind != STOCKADE_TEXT)
        return NULL;
    stockade_error *read = error_make(STOCKADE_COMMAND, code.as.text.data, code.as.text.size, message.as.text.data,
                                      message.as.text.size, stockade_get(error, "data"));
    if (read != &WITHOUT_MEMORY && read->data.kind == STOCKADE_NULL)
        read->data.kind = STOCKADE_MISSING; /* null is as good as none */
    return read;
}

/* The value of a result or an item: as it stands, or the frame that its options put in its place, which is taken. */
static stockade_status read_valued(struct session *session, const struct said_message *said, stockade_value *value,
                                   struct frame **frame) {
    stockade_value options = said->elements[2], key, option;
    *value = said->elements[1];
    *frame = frame_hold(said->frame);
    if (options.kind == STOCKADE_MISSING)
        return STOCKADE_OK;
    stockade_status status = STOCKADE_OK;
    if (options.kind != STOCKADE_MAP)
        status = broken(session, "options that are no map");
    stockade_iterator each = stockade_iterate(options);
    while (status == STOCKADE_OK && stockade_next(&each, &key, &option)) {
        if (key.as.text.size > 0 && key.as.text.data[0] == '!')
            status = broken(session, "an option that insists, and is not known here");
        if (!stockade_is_text(key, "raw"))
            continue;
        frame_release(*frame);
        *frame = take_raw(session, option);
        if (*frame == NULL || value->kind != STOCKADE_NULL)
            status = broken(session, "a raw value that has no frame, or stands beside another");
        else
            *value = stockade_bytes(frame_data(*frame), frame_size(*frame));
    }
    if (status != STOCKADE_OK)
        frame_release(*frame);
    return status;
}

static bool read_limit(stockade_value limits, const char *name, uint64_t *limit) {
    return as_whole(stockade_get(limits, name), limit);
}

static bool read_limits(stockade_value said, stockade_limits *limits) {
    stockade_value deadline = stockade_get(said, "deadline"), rate = stockade_get(said, "rate");
    limits->has_deadline = deadline.kind != STOCKADE_MISSING;
    limits->has_rate = rate.kind != STOCKADE_MISSING;
    return read_limit(said, "message", &limits->message) && read_limit(said, "event", &limits->event) &&
           read_limit(said, "batch", &limits->batch) && read_limit(said, "calls", &limits->calls) &&
           read_limit(said, "topics", &limits->topics) && read_limit(said, "depth", &limits->depth) &&
           read_limit(said, "channels", &limits->channels) && read_limit(said, "frames", &limits->frames) &&
           (!limits->has_deadline || as_whole(deadline, &limits->deadline)) &&
           (!limits->has_rate || (stockade_as_float(rate, &limits->rate) && limits->rate > 0 && limits->rate < 1e300));
}

static bool read_grant(stockade_value grants, const char *name, char separator, struct grant *grant,
                       stockade_grant *shown) {
    stockade_value said = stockade_get(grants, name);
    stockade_value sides[] = {stockade_get(said, "allow"), stockade_get(said, "deny")};
    for (size_t side = 0; side < 2; side++) {
        stockade_iterator each = stockade_iterate(sides[side]);
        if (sides[side].kind != STOCKADE_ARRAY)
            return false;
        for (stockade_value text; stockade_next(&each, NULL, &text);) {
            if (text.kind != STOCKADE_TEXT)
                return false;
        }
    }
    if (!grant_init(grant, sides[0], sides[1], separator))
        return false;
    *shown = grant_shown(grant);
    return true;
}

static bool read_welcome(struct session *session, stockade_value welcome) {
    stockade_value grants = stockade_get(welcome, "grants"), core = stockade_get(welcome, "core");
    uint64_t protocol = 0;
    char *version = stockade_text_copy(core);
    if (version != NULL) {
        free(session->core_version);
        session->core_version = version;
    }
    (void)as_whole(stockade_get(welcome, "protocol"), &protocol);
    return core.kind == STOCKADE_TEXT && protocol == STOCKADE_PROTOCOL &&
           read_limits(stockade_get(welcome, "limits"), &session->limits) &&
           read_grant(grants, "commands", '.', &session->commands, &session->grants.commands) &&
           read_grant(grants, "listen", '/', &session->listen, &session->grants.listen) &&
           read_grant(grants, "emit", '/', &session->emit, &session->grants.emit);
}


/* session, verbs: what each message of the core does, which may come when, and whole batches of them. */


typedef stockade_status taking(struct session *session, const struct said_message *said);

static stockade_status take_welcome(struct session *session, const struct said_message *said) {
    stockade_value welcome = said->elements[0];
    uint64_t generation = 0;
    if (!as_whole(stockade_get(welcome, "generation"), &generation) || !read_welcome(session, welcome))
        return broken(session, "a welcome that is none");
    if (!stockade_is_text(stockade_get(welcome, "worker"), session->label) || generation != session->generation)
        return broken(session, "a welcome for another worker");
    session->outbox.messages = session->limits.batch < BATCH ? session->limits.batch : BATCH;
    session->outbox.size = session->limits.message;
    session->state = OPEN;
    return STOCKADE_OK;
}

static stockade_status take_refused(struct session *session, const struct said_message *said) {
    stockade_error *error = read_error(said->elements[0]);
    if (error == NULL)
        return broken(session, "a refusal without an error");
    stockade_status status =
        session_end(session, STOCKADE_REFUSED, "the core refused this worker: %s: %s", error->code, error->message);
    stockade_error_free(error);
    return status;
}

static stockade_status take_breach(struct session *session, const struct said_message *said) {
    stockade_value code = stockade_get(said->elements[0], "code"), reason = stockade_get(said->elements[0], "reason");
    if (code.kind != STOCKADE_TEXT || reason.kind != STOCKADE_TEXT)
        return broken(session, "a breach without a code and a reason");
    return session_end(session, STOCKADE_BREACHED, "the core ends this worker, which broke the protocol: %.*s: %.*s",
                       (int)(code.as.text.size % 256), code.as.text.data, (int)(reason.as.text.size % 1024),
                       reason.as.text.data);
}

static stockade_status take_result(struct session *session, const struct said_message *said) {
    stockade_value value;
    struct frame *frame = NULL;
    stockade_status status = read_valued(session, said, &value, &frame);
    if (status == STOCKADE_OK) {
        status = call_succeeded(session, said->number, value, frame);
        frame_release(frame);
    }
    return status;
}

static stockade_status take_error(struct session *session, const struct said_message *said) {
    stockade_error *error = read_error(said->elements[1]);
    return error ? call_failed(session, said->number, error) : broken(session, "an error that is none");
}

static stockade_status take_listening(struct session *session, const struct said_message *said) {
    if (said->elements[0].kind != STOCKADE_TEXT)
        return broken(session, "a topic that is no text");
    return subscription_answered(session, said->elements[0], NULL);
}

static stockade_status take_denied(struct session *session, const struct said_message *said) {
    stockade_error *error = read_error(said->elements[1]);
    if (said->elements[0].kind != STOCKADE_TEXT || error == NULL) {
        stockade_error_free(error);
        return broken(session, "a denial of nothing, or without an error");
    }
    return subscription_answered(session, said->elements[0], error);
}

static stockade_status take_call(struct session *session, const struct said_message *said) {
    if (said->elements[1].kind != STOCKADE_TEXT || said->elements[2].kind != STOCKADE_MAP)
        return broken(session, "a call without a command and arguments");
    return handled_call(session, said->core, said->number, said->elements[1], said->elements[2], said->elements[3],
                        said->frame);
}

static stockade_status take_cancel(struct session *session, const struct said_message *said) {
    return handling_cancelled_by_core(session, said->number);
}

static stockade_status take_item(struct session *session, const struct said_message *said) {
    stockade_value value;
    struct frame *frame = NULL;
    stockade_status status = read_valued(session, said, &value, &frame);
    if (status == STOCKADE_OK) {
        status = channel_item(session, said->number, value, frame);
        frame_release(frame);
    }
    return status;
}

static stockade_status take_end(struct session *session, const struct said_message *said) {
    stockade_error *error = NULL;
    if (said->count > 1 && (error = read_error(said->elements[1])) == NULL)
        return broken(session, "an end with an error that is none");
    stockade_status status = channel_ended(session, said->number, error);
    stockade_error_free(error);
    return status;
}

static stockade_status take_credit(struct session *session, const struct said_message *said) {
    uint64_t count = 0;
    if (!as_whole(said->elements[1], &count))
        return broken(session, "a credit that is no number");
    return channel_credited(session, said->number, count);
}

static stockade_status take_drop(struct session *session, const struct said_message *said) {
    return channel_dropped(session, said->number);
}

static stockade_status take_missed(struct session *session, const struct said_message *said) {
    if (said->number > session->dropped_to)
        session->dropped_to = said->number;
    return STOCKADE_OK;
}

static stockade_status take_ping(struct session *session, const struct said_message *said) {
    session->pings++;
    outbox_put(&session->outbox, say(session, 1, "pong", said->number));
    return STOCKADE_OK;
}

static stockade_status take_pong(struct session *session, const struct said_message *said) {
    if (said->number <= session->last_ping && said->number > session->last_pong)
        session->last_pong = said->number;
    return STOCKADE_OK;
}

static stockade_status take_stop(struct session *session, const struct said_message *said) {
    uint64_t grace = 0;
    if (!as_whole(stockade_get(said->elements[0], "grace"), &grace))
        return broken(session, "a stop without its grace");
    session->stopping = true;
    return STOCKADE_OK;
}

static stockade_status take_bye(struct session *session, const struct said_message *said) {
    if (!as_whole(stockade_get(said->elements[0], "emitted"), &session->emits_handled))
        return broken(session, "a bye without the count of emits");
    session->state = LEFT;
    return STOCKADE_OK;
}

/* -- what may come, and when ------------------------------------------------------------------------------------------- */

#define WHEN(state) (1U << (state))

/* Every verb that the core may say; what is not here may not come. Behind `bye` what is on its way still comes, and is
 * only looked at (`in_vain`): nothing may be said any more. `elements` are those that there must be; `numbered`: the
 * first is the protocol's own integer. */
static const struct verb {
    const char *name;
    size_t elements;
    bool numbered, in_vain;
    unsigned when;
    taking *take;
} VERBS[] = {
    {"result", 2, true, false, WHEN(OPEN) | WHEN(LEAVING), take_result},
    {"error", 2, true, false, WHEN(OPEN) | WHEN(LEAVING), take_error},
    {"item", 2, true, true, WHEN(OPEN) | WHEN(LEAVING), take_item},
    {"call", 3, true, true, WHEN(OPEN) | WHEN(LEAVING), take_call},
    {"credit", 2, true, true, WHEN(OPEN) | WHEN(LEAVING), take_credit},
    {"end", 1, true, true, WHEN(OPEN) | WHEN(LEAVING), take_end},
    {"drop", 1, true, true, WHEN(OPEN) | WHEN(LEAVING), take_drop},
    {"cancel", 1, true, true, WHEN(OPEN) | WHEN(LEAVING), take_cancel},
    {"ping", 1, true, true, WHEN(OPEN) | WHEN(LEAVING), take_ping},
    {"pong", 1, true, false, WHEN(OPEN) | WHEN(LEAVING), take_pong},
    {"listening", 1, false, false, WHEN(OPEN) | WHEN(LEAVING), take_listening},
    {"denied", 2, false, false, WHEN(OPEN) | WHEN(LEAVING), take_denied},
    {"missed", 1, true, false, WHEN(OPEN) | WHEN(LEAVING), take_missed},
    {"stop", 1, false, false, WHEN(OPEN) | WHEN(LEAVING), take_stop},
    {"bye", 1, false, false, WHEN(LEAVING), take_bye},
    {"welcome", 1, false, false, WHEN(GREETING), take_welcome},
    {"refused", 1, false, false, WHEN(GREETING), take_refused},
    {"breach", 1, false, false, WHEN(GREETING) | WHEN(OPEN) | WHEN(LEAVING), take_breach},
};

static const struct verb *verb_find(stockade_value name) {
    for (size_t at = 0; at < sizeof VERBS / sizeof *VERBS; at++) {
        if (stockade_is_text(name, VERBS[at].name))
            return &VERBS[at];
    }
    return NULL;
}

/* One message of a batch. */
static stockade_status session_take(struct session *session, stockade_value message, struct frame *frame,
                                    stockade_core *core) {
    struct said_message said;
    memset(&said, 0, sizeof said);
    said.frame = frame;
    said.core = core;
    stockade_iterator each = stockade_iterate(message);
    stockade_value name = {STOCKADE_MISSING, {0}};
    stockade_next(&each, NULL, &name);
    const struct verb *verb = message.kind == STOCKADE_ARRAY ? verb_find(name) : NULL;
    if (verb == NULL)
        return broken(session, "a message that is no array with a verb of the core");
    while (said.count < 4 && stockade_next(&each, NULL, &said.elements[said.count]))
        said.count++;
    if (said.count < verb->elements || (verb->numbered && !as_whole(said.elements[0], &said.number)))
        return session_end(session, STOCKADE_CORE_BROKEN, "the core broke the protocol: \"%s\" in another shape",
                           verb->name);
    if (!(verb->when & WHEN(session->state)))
        return session_end(session, STOCKADE_CORE_BROKEN, "the core broke the protocol: \"%s\" when it may not come",
                           verb->name);
    if (verb->in_vain && session->state == LEAVING)
        return STOCKADE_OK;
    return verb->take(session, &said);
}

static stockade_status session_take_batch(struct session *session, struct frame *frame, stockade_core *core) {
    stockade_value batch, message;
    const char *fault = wire_decode(frame_data(frame), frame_size(frame), &batch);
    if (fault != NULL)
        return fault == NO_MEMORY ? exhausted(session) : broken(session, fault);
    if (batch.kind != STOCKADE_ARRAY || stockade_count(batch) < 1 || stockade_count(batch) > BATCH)
        return broken(session, "a frame that is no batch of 1 to 1024 messages");
    stockade_iterator each = stockade_iterate(batch);
    while (stockade_next(&each, NULL, &message)) {
        stockade_status status = session_take(session, message, frame, core);
        if (status != STOCKADE_OK)
            return status;
    }
    return STOCKADE_OK;
}

/* One message of the commands socket: a frame, and the raw ones behind it, which are taken over. A status that is not
 * STOCKADE_OK ends all: session->end says why. */
static stockade_status session_receive(struct session *session, struct frame *frame, struct frame **raw,
                                       size_t raw_count, int64_t now, stockade_core *core) {
    session->now = now;
    stockade_status status = STOCKADE_OK;
    for (size_t at = 0; at < raw_count && at < FRAMES; at++)
        session->frames[at] = raw[at];
    for (size_t at = FRAMES; at < raw_count; at++)
        frame_release(raw[at]);
    session->frame_count = raw_count < FRAMES ? raw_count : FRAMES;
    if (raw_count > FRAMES)
        status = broken(session, "more than 63 raw frames behind a batch");
    if (status == STOCKADE_OK)
        status = session_take_batch(session, frame, core);
    bool is_left = false;
    for (size_t at = 0; at < session->frame_count; at++) {
        is_left = is_left || session->frames[at] != NULL;
        frame_release(session->frames[at]);
    }
    session->frame_count = 0;
    /* Behind `bye` nobody takes the frames of what comes in vain. */
    if (status == STOCKADE_OK && is_left && session->state == OPEN)
        status = broken(session, "raw frames that no message refers to");
    if (status == STOCKADE_OK && !chain_is_empty(&session->held))
        calls_admit(session, now);
    if (status == STOCKADE_OK && session->outbox.failed)
        status = exhausted(session);
    return status;
}

/* One frame of the emits socket: STOCKADE_OK if the core takes emits from now on. */
static stockade_status session_receive_subscription(struct session *session, const unsigned char *data, size_t size) {
    if (size == 1 && data[0] == 1)
        return STOCKADE_OK;
    if (size == 1 && data[0] == 0) /* XPUB says so of itself when the last peer has gone */
        return STOCKADE_LOST;
    return broken(session, "a subscription to some of the emits");
}

/* See to what is due. */
static void session_wake(struct session *session, int64_t now) {
    session->now = now;
    for (struct timer *timer; (timer = timers_due(&session->timers, now)) != NULL;) {
        if (timer->kind == TIMED_CALL)
            call_look(session, OWNER(timer, stockade_pending, timer), now);
        else if (timer->kind == TIMED_HANDLING)
            handling_expire(session, OWNER(timer, stockade_handling, timer));
    }
    calls_admit(session, now);
}

static void session_free(struct session *session) {
    session_close(session);
    for (struct arrival *arrival; (arrival = session_next_event(session)) != NULL;)
        arrival_free(arrival);
    while (!chain_is_empty(&session->asked)) {
        struct asked *asked = asked_in(session->asked.behind);
        chain_remove(&asked->chain);
        free(asked->name);
        free(asked);
    }
    for (size_t at = 0; at < session->export_count; at++) {
        if (session->exports[at].destroy != NULL)
            session->exports[at].destroy(session->exports[at].user);
        export_clear(&session->exports[at]);
    }
    free(session->exports);
    free(session->flight.slots);
    free(session->channels.slots);
    free(session->handled.slots);
    free(session->timers.heap);
    grant_free(&session->commands);
    grant_free(&session->listen);
    grant_free(&session->emit);
    outbox_free(&session->outbox);
    buffer_free(&session->message);
    stockade_error_free(session->end);
    free(session->core_version);
    free(session->label);
    free(session->stub);
    memset(session, 0, sizeof *session);
}


/* worker, the link: what this process was given, and its three sockets (docs/protocol.md, sections 2 and 3). Knows no
 * message. Nothing here waits, but for the secret. */

#if defined(__linux__)
#endif


#define SECRET 64
/* Batches that wait in libzmq for a core that does not read. */
#define COMMANDS_QUEUE 64
/* Emits that wait so. Times the limit of a message this is what a stopped core can make this process hold. */
#define EMITS_QUEUE 256

/* This worker's place: who it is, where its sockets belong, and the descriptor whose end-of-file ends it. */
struct place {
    const char *label, *sockets; /* of the environment */
    uint64_t generation;
    int core_pid; /* 0: not said */
    int lifeline; /* -1: not taken */
    char secret[SECRET + 1];
};

struct link {
    void *context, *commands, *events, *emits;
    int lifeline;
    struct pollfd polled[4]; /* commands, events, emits, lifeline */
};

enum { POLLED_COMMANDS, POLLED_EVENTS, POLLED_EMITS, POLLED_LIFELINE };

/* Tell the operator: what a worker writes to standard error is in the log, with its label. */
static void tell(const char *reason) {
    fprintf(stderr, "stockade: %s\n", reason);
}

static int64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * MILLISECOND + now.tv_nsec;
}

/* -- the place -------------------------------------------------------------------------------------------------------- */

static stockade_error *by_hand(const char *why) {
    return error_of(
        STOCKADE_BY_HAND, "",
        "this program is a Stockade worker: the supervisor that starts it gives it its sockets, and here is "
        "none (%s).\nName it as `run` of a [[worker]] in stockade.toml, and start that with `stockade run`.",
        why);
}

static bool read_decimal(const char *text, uint64_t most, uint64_t *number) {
    *number = 0;
    if (text == NULL || *text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || *number > (most - (uint64_t)(*text - '0')) / 10)
            return false;
        *number = *number * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

static stockade_error *read_environment(struct place *place) {
    static const char *const NAMES[] = {"STOCKADE_SOCKETS", "STOCKADE_PROTOCOL", "STOCKADE_WORKER",
                                        "STOCKADE_GENERATION"};
    for (size_t at = 0; at < sizeof NAMES / sizeof *NAMES; at++) {
        char why[64];
        const char *value = getenv(NAMES[at]);
        snprintf(why, sizeof why, "%s is not set", NAMES[at]);
        if (value == NULL || *value == '\0')
            return by_hand(why);
    }
    const char *protocol = getenv("STOCKADE_PROTOCOL"), *pid = getenv("STOCKADE_CORE_PID");
    uint64_t core_pid = 0;
    if (strcmp(protocol, "1") != 0)
        return error_of(STOCKADE_BY_HAND, "",
                        "the core speaks version %s of the protocol, this library version %d.\nInstall the stub that "
                        "belongs to the runtime.",
                        protocol, STOCKADE_PROTOCOL);
    if (!read_decimal(getenv("STOCKADE_GENERATION"), LARGEST_WHOLE, &place->generation) ||
        (pid != NULL && *pid != '\0' && !read_decimal(pid, INT32_MAX, &core_pid)))
        return by_hand("STOCKADE_GENERATION or STOCKADE_CORE_PID is no number");
    place->label = getenv("STOCKADE_WORKER");
    place->sockets = getenv("STOCKADE_SOCKETS");
    place->core_pid = (int)core_pid;
    return NULL;
}

/* Move standard input out of the way, so that no child inherits the lifeline and nothing reads it by mistake. */
static stockade_error *take_stdin(struct place *place) {
    struct stat status;
    place->lifeline = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (place->lifeline < 0)
        return by_hand("standard input is closed");
    if (fstat(place->lifeline, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
        return by_hand("standard input is no pipe, which would bring the secret"); /* a terminal would never end */
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    return NULL;
}

/* The first line. Byte by byte: what stands behind it, if ever, is not to be taken here. */
static stockade_error *read_secret(struct place *place) {
    for (size_t size = 0; size <= SECRET;) {
        ssize_t got = read(place->lifeline, &place->secret[size], 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_of(STOCKADE_STOPPED, "", "the supervisor has gone before it gave the secret");
        char given = place->secret[size];
        bool is_digit = (given >= '0' && given <= '9') || (given >= 'a' && given <= 'f');
        if (size == SECRET ? given != '\n' : !is_digit)
            return by_hand("the first line of standard input is no secret");
        size++;
    }
    place->secret[SECRET] = '\0';
    return NULL;
}

/* Close this process's memory and descriptors to its siblings of the same user. It must happen here: exec undoes what
 * the supervisor could set. */
static void hide(void) {
#if defined(__linux__)
    const char *debuggable = getenv("STOCKADE_DEBUGGABLE");
    if (debuggable == NULL || strcmp(debuggable, "1") != 0)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* Read the environment and the secret, and keep standard input as the lifeline. NULL, or why not. */
static stockade_error *take_place(struct place *place) {
    place->lifeline = -1;
    stockade_error *error = read_environment(place);
    if (error == NULL) {
        hide();
        error = take_stdin(place);
    }
    if (error == NULL)
        error = read_secret(place);
    if (error != NULL && place->lifeline >= 0)
        close(place->lifeline);
    return error;
}

/* -- the sockets ------------------------------------------------------------------------------------------------------ */

static void *link_bind(struct link *link, int kind, const char *name, const struct place *place, int queue) {
    void *socket = zmq_socket(link->context, kind);
    if (socket == NULL)
        return NULL;
    char user[96], endpoint[160];
    int linger = 0, nodrop = 1;
    int user_size = snprintf(user, sizeof user, "%s@%llu", place->label, (unsigned long long)place->generation);
    int size = snprintf(endpoint, sizeof endpoint, "%s/%s", place->sockets, name);
    bool fits = user_size > 0 && (size_t)user_size < sizeof user && size > 0 && (size_t)size < sizeof endpoint;
    int failed = zmq_setsockopt(socket, ZMQ_PLAIN_USERNAME, user, strlen(user)) |
                 zmq_setsockopt(socket, ZMQ_PLAIN_PASSWORD, place->secret, SECRET) |
                 zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (queue > 0)
        failed |= zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
    if (kind == ZMQ_XPUB)
        failed |= zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &nodrop, sizeof nodrop);
#if defined(ZMQ_IPC_FILTER_PID)
    if (place->core_pid > 0)
        failed |= zmq_setsockopt(socket, ZMQ_IPC_FILTER_PID, &place->core_pid, sizeof place->core_pid);
#endif
    if (!fits || failed != 0 || zmq_bind(socket, endpoint) != 0) {
        int why = fits ? errno : ENAMETOOLONG;
        zmq_close(socket);
        errno = why;
        return NULL;
    }
    return socket;
}

static void polled_init(struct pollfd *polled, void *socket) {
    int descriptor = -1;
    size_t size = sizeof descriptor;
    zmq_getsockopt(socket, ZMQ_FD, &descriptor, &size);
    polled->fd = descriptor;
    polled->events = POLLIN;
}

/* Close all three. What has not been sent by now is lost: leave first. Doing so again does nothing. */
static void link_close(struct link *link) {
    void *sockets[] = {link->commands, link->events, link->emits};
    for (size_t at = 0; at < 3; at++) {
        if (sockets[at] != NULL)
            zmq_close(sockets[at]);
    }
    if (link->context != NULL)
        zmq_ctx_term(link->context);
    if (link->lifeline >= 0)
        close(link->lifeline);
    memset(link, 0, sizeof *link);
    link->lifeline = -1;
}

/* Bind all three. NULL, or why not. */
static stockade_error *link_init(struct link *link, const struct place *place) {
    memset(link, 0, sizeof *link);
    link->lifeline = place->lifeline;
    link->context = zmq_ctx_new();
    if (link->context != NULL)
        link->commands = link_bind(link, ZMQ_DEALER, "commands", place, COMMANDS_QUEUE);
    if (link->commands != NULL)
        link->events = link_bind(link, ZMQ_SUB, "events", place, 0);
    if (link->events != NULL)
        link->emits = link_bind(link, ZMQ_XPUB, "emits", place, EMITS_QUEUE);
    if (link->emits == NULL) {
        stockade_error *error = error_of(STOCKADE_BY_HAND, "", "the sockets of this worker cannot be bound in %s: %s",
                                         place->sockets, zmq_strerror(zmq_errno()));
        link_close(link);
        return error;
    }
    polled_init(&link->polled[POLLED_COMMANDS], link->commands);
    polled_init(&link->polled[POLLED_EVENTS], link->events);
    polled_init(&link->polled[POLLED_EMITS], link->emits);
    link->polled[POLLED_LIFELINE].fd = link->lifeline;
    link->polled[POLLED_LIFELINE].events = POLLIN;
    return NULL;
}

/* Whether the lifeline, which is readable, has ended. */
static bool link_lifeline_ended(const struct link *link) {
    char rest[256];
    ssize_t got = read(link->lifeline, rest, sizeof rest);
    return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

/* Send a batch and its raw frames, without waiting; false if there is no room. Where there is room for the first frame
 * there is for the rest. */
static bool link_send(struct link *link, const void *data, size_t size, zmq_msg_t *raw, size_t raw_count) {
    if (zmq_send(link->commands, data, size, ZMQ_DONTWAIT | (raw_count > 0 ? ZMQ_SNDMORE : 0)) < 0)
        return false;
    for (size_t at = 0; at < raw_count; at++) {
        int more = at + 1 < raw_count ? ZMQ_SNDMORE : 0;
        zmq_msg_send(&raw[at], link->commands, ZMQ_DONTWAIT | more);
    }
    return true;
}


/* worker, turns: the one loop of a connection, turned by whoever waits: all three sockets and the lifeline in one poll,
 * and what is due in time. Knows no verb, and runs no handler. */



/* Events that wait for their handlers, unless `connect` is told another bound. */
#define QUEUE 1024
/* Messages read from one socket before the others have their turn. */
#define TURN 64
/* Nanoseconds to wait for the core's answer to `bye`: it has a second for what was still to do. */
#define LEAVE (2000 * MILLISECOND)
/* Calls that have gathered are sent when there are so many, so that the core works while the next are being made. */
#define EAGER 64
/* Nanoseconds in which the core's last message, which says why, may come behind the news that its connection is closed:
 * these come on two sockets. */
#define LAST_WORDS (300 * MILLISECOND)
/* Nanoseconds that may pass without a look at the sockets while a worker only emits: so soon a ping is answered then. */
#define LOOK (10 * MILLISECOND)

struct stockade_core {
    unsigned holders; /* whoever connected, and each thing made from it that was not freed */
    pthread_t thread;
    struct session session;
    struct link link;
    stockade_error *over; /* why nothing more can be said, once it is so */
    bool takes_emits;     /* the core's subscription has come: before it, an emit would be lost */
    bool used;        /* the events or the emits socket was used since it was last empty: its descriptor may not tell */
    bool interrupted; /* by a signal */
    bool returns_when_stopped, is_running, turns_about;
    int64_t spin, looked;
    stockade_handling *serving;     /* the call that a handler works on now: what it calls and emits belongs to it */
    const stockade_event *reacting; /* or the event */
};

static void core_release(stockade_core *core) {
    if (--core->holders == 0) {
        stockade_error_free(core->over);
        free(core);
    }
}

/* -- the end ---------------------------------------------------------------------------------------------------------- */

/* The conversation is over, for this reason, which is taken over: close the sockets, and tell the operator if it should
 * not be. Returns the status that holds. */
static stockade_status finish(stockade_core *core, stockade_error *why) {
    if (core->over != NULL) {
        stockade_error_free(why);
        return core->over->status;
    }
    core->over = why;
    session_close(&core->session);
    link_close(&core->link);
    if (why->status == STOCKADE_STOPPED && !core->returns_when_stopped)
        exit(stockade_exit_status(STOCKADE_STOPPED));
    if (why->status != STOCKADE_STOPPED && why->status != STOCKADE_CLOSED)
        tell(why->message);
    return why->status;
}

/* The session cannot go on. */
static stockade_status finish_session(stockade_core *core) {
    return finish(core, error_copy(core->session.end));
}

/* What every function of a connection asks first: whether it may be used. */
static stockade_status check(const stockade_core *core, stockade_error **error) {
    if (core == NULL)
        return misuse(error, "no connection: NULL");
    if (!pthread_equal(core->thread, pthread_self()))
        return misuse(error, "a connection belongs to the thread that made it; give the work to that one");
    if (core->over != NULL)
        return error_give(error, error_copy(core->over));
    return STOCKADE_OK;
}

/* A status that ended all, as the caller gets it. */
static stockade_status ended(const stockade_core *core, stockade_error **error) {
    return error_give(error, error_copy(core->over));
}

/* -- sockets ---------------------------------------------------------------------------------------------------------- */

static int events_of(void *socket) {
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size);
    return events;
}

/* Send the batches that have gathered; false if there is no room for all of them. */
static bool flush(stockade_core *core) {
    struct outbox *outbox = &core->session.outbox;
    while (outbox->first != NULL) {
        size_t size = 0;
        const unsigned char *data = outbox_batch(outbox, &size);
        if (!link_send(&core->link, data, size, outbox->first->raw, outbox->first->raw_count))
            return false;
        outbox_sent(outbox);
    }
    return true;
}

/* A frame that is there on this socket: STOCKADE_DONE if there is none. The caller releases it. */
static stockade_status receive_frame(stockade_core *core, void *socket, struct frame **frame) {
    *frame = frame_new();
    if (*frame == NULL)
        return exhausted(&core->session);
    if (zmq_msg_recv(&(*frame)->message, socket, ZMQ_DONTWAIT) >= 0)
        return STOCKADE_OK;
    frame_release(*frame);
    if (errno == EAGAIN || errno == EINTR)
        return STOCKADE_DONE;
    return session_end(&core->session, STOCKADE_LOST, "ZeroMQ cannot receive: %s", zmq_strerror(errno));
}

/* One message that is there on the commands socket: STOCKADE_DONE if there is none. */
static stockade_status receive_commands(stockade_core *core) {
    struct frame *frame = NULL, *raw[FRAMES + 1];
    size_t raw_count = 0;
    stockade_status status = receive_frame(core, core->link.commands, &frame);
    if (status != STOCKADE_OK)
        return status;
    bool more = zmq_msg_more(&frame->message);
    while (more && status == STOCKADE_OK) {
        struct frame *next = NULL;
        status = receive_frame(core, core->link.commands, &next); /* all frames of a message come together */
        if (status != STOCKADE_OK)
            break;
        more = zmq_msg_more(&next->message);
        if (raw_count <= FRAMES)
            raw[raw_count++] = next;
        else
            frame_release(next);
    }
    if (status == STOCKADE_OK) {
        status = session_receive(&core->session, frame, raw, raw_count, clock_now(), core);
        raw_count = 0;
    }
    while (raw_count > 0)
        frame_release(raw[--raw_count]);
    frame_release(frame);
    return status == STOCKADE_DONE ? STOCKADE_OK : status;
}

/* The events that are there, a turn of them at most; `used` says whether there may be more. */
static stockade_status receive_events(stockade_core *core) {
    for (int count = 0; count < TURN; count++) {
        struct frame *frame = NULL;
        stockade_status status = receive_frame(core, core->link.events, &frame);
        if (status == STOCKADE_OK)
            status = session_receive_event(&core->session, frame);
        else
            return status == STOCKADE_DONE ? STOCKADE_OK : status;
        frame_release(frame);
        if (status != STOCKADE_OK)
            return status;
    }
    core->used = true;
    return STOCKADE_OK;
}

/* What the core's SUB has to say. Looking is also what makes room visible for emits that wait. */
static stockade_status receive_emits(stockade_core *core) {
    while (events_of(core->link.emits) & ZMQ_POLLIN) {
        struct frame *frame = NULL;
        stockade_status status = receive_frame(core, core->link.emits, &frame);
        if (status != STOCKADE_OK)
            return status == STOCKADE_DONE ? STOCKADE_OK : status;
        status = session_receive_subscription(&core->session, frame_data(frame), frame_size(frame));
        core->takes_emits = status == STOCKADE_OK;
        frame_release(frame);
        if (status != STOCKADE_OK)
            return status;
    }
    return STOCKADE_OK;
}

/* -- waiting ---------------------------------------------------------------------------------------------------------- */

/* Milliseconds of a poll: from now until then, rounded up; -1 for NEVER. */
static int milliseconds(int64_t when, int64_t now) {
    if (when == NEVER)
        return -1;
    int64_t left = when > now ? (when - now + MILLISECOND - 1) / MILLISECOND : 0;
    return left < INT32_MAX ? (int)left : INT32_MAX;
}

/* See to what is due, and wait no longer than until something else is. */
static int wake(stockade_core *core, int timeout) {
    int64_t now = clock_now();
    struct session *session = &core->session;
    if (timers_next(&session->timers) <= now) {
        session_wake(session, now);
        return 0;
    }
    int left = milliseconds(timers_next(&session->timers), now);
    return timeout < 0 || left < timeout ? left : timeout;
}

/* Look at the commands socket for a while without sleeping: STOCKADE_DONE if nothing has come. */
static stockade_status spin(stockade_core *core) {
    int64_t end = clock_now() + core->spin;
    stockade_status status;
    do
        status = receive_commands(core);
    while (status == STOCKADE_DONE && clock_now() < end);
    return status;
}

/* The core has closed: read what it may have said before, for that is the better reason. */
static stockade_status hear_last_words(stockade_core *core) {
    int64_t end = clock_now() + LAST_WORDS;
    stockade_status status = STOCKADE_OK;
    while (core->session.state != LEFT && status == STOCKADE_OK) {
        zmq_pollitem_t item = {core->link.commands, 0, ZMQ_POLLIN, 0};
        int left = milliseconds(end, clock_now());
        if (left == 0 || zmq_poll(&item, 1, left) == 0)
            return finish(core, error_plain(STOCKADE_LOST, "", "the core closed its connection"));
        status = receive_commands(core);
        status = status == STOCKADE_DONE ? STOCKADE_OK : status;
    }
    return status == STOCKADE_OK ? STOCKADE_OK : finish_session(core);
}

static stockade_status read_polled(stockade_core *core, int which) {
    stockade_status status = STOCKADE_OK;
    switch (which) {
    case POLLED_COMMANDS:
        status = receive_commands(core);
        return status == STOCKADE_DONE ? STOCKADE_OK : status;
    case POLLED_EVENTS:
        return receive_events(core);
    case POLLED_EMITS:
        return receive_emits(core);
    default:
        if (link_lifeline_ended(&core->link))
            status = session_end(&core->session, STOCKADE_STOPPED, "the lifeline has ended");
        return status;
    }
}

static stockade_status poll_all(stockade_core *core, int timeout) {
    struct pollfd *polled = core->link.polled;
    int found = poll(polled, 4, timeout);
    core->interrupted = found < 0 && errno == EINTR;
    stockade_status status = STOCKADE_OK;
    for (int which = 0; found > 0 && which < 4 && status == STOCKADE_OK; which++) {
        if (polled[which].revents != 0)
            status = read_polled(core, which);
    }
    return status;
}

/* What there is to read without sleeping; `*timeout` becomes 0 if there was something, or something may be left. */
static stockade_status look(stockade_core *core, bool sent, bool room, int *timeout) {
    stockade_status status = core->spin > 0 && *timeout != 0 ? spin(core) : receive_commands(core);
    if (status != STOCKADE_OK && status != STOCKADE_DONE)
        return status;
    bool has_room = !sent && (events_of(core->link.commands) & ZMQ_POLLOUT); /* again: the next turn sends */
    if (status == STOCKADE_OK || has_room)
        *timeout = 0;
    if (!core->used || room)
        return STOCKADE_OK;
    core->used = false;
    *timeout = 0;
    status = receive_events(core);
    return status == STOCKADE_OK ? receive_emits(core) : status;
}

/* Send what has gathered, wait up to `timeout` milliseconds (-1: for ever), and read what there is. STOCKADE_OK, or what
 * has ended all. `room`: what is waited for is room on the emits socket. */
static stockade_status turn(stockade_core *core, int timeout, bool room) {
    /* What is polled are the descriptors. They tell of edges, which whatever is done with a socket may take: so the
     * commands socket is read each time before it sleeps, the others if they were used since they were last empty. A
     * zmq_poll over all three, and the lifeline, asks each socket twice. */
    if (core->session.timers.count > 0)
        timeout = wake(core, timeout);
    bool sent = flush(core);
    stockade_status status = look(core, sent, room, &timeout);
    if (status == STOCKADE_OK)
        status = poll_all(core, timeout);
    if (status == STOCKADE_OK)
        return STOCKADE_OK;
    return status == STOCKADE_LOST && core->session.end == NULL ? hear_last_words(core) : finish_session(core);
}

/* Wait until the answer is there. STOCKADE_OK, or what has ended all. */
static stockade_status wait_for(stockade_core *core, const stockade_pending *pending) {
    stockade_status status = STOCKADE_OK;
    while (!pending->done && status == STOCKADE_OK)
        status = turn(core, -1, false);
    return status;
}

/* Send an event that was prepared into session->message; waits only if there is no room. */
static stockade_status emit_prepared(stockade_core *core) {
    struct session *session = &core->session;
    struct buffer frame = session->message; /* a turn may write other messages into its own */
    memset(&session->message, 0, sizeof session->message);
    stockade_status status = STOCKADE_OK;
    while (status == STOCKADE_OK) {
        core->used = true;
        if (core->takes_emits && zmq_send(core->link.emits, frame.data, frame.size, ZMQ_DONTWAIT) >= 0) {
            session->emitted++;
            break;
        }
        /* XPUB always calls itself writable: that there is room now is seen on its descriptor alone, and asking the
         * socket before going to sleep could take just that edge. */
        status = turn(core, -1, true);
    }
    buffer_free(&session->message);
    session->message = frame;
    return status;
}


/* worker, its face: calls, streams and channels, which wait by turns. */


/* -- calls ------------------------------------------------------------------------------------------------------------ */

/* The trace that goes on from what is being handled, if any. */
static const char *trace_of(const stockade_core *core) {
    if (core->serving != NULL)
        return core->serving->trace;
    return core->reacting != NULL ? core->reacting->trace : NULL;
}

/* Begin a call; returns when it is in flight, or has its answer already. */
static stockade_status begin(stockade_core *core, const char *command, const stockade_argument *arguments,
                             const stockade_options *options, stockade_pending **out, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (command == NULL)
        return misuse(error, "a call without a command");
    struct session *session = &core->session;
    const char *trace = options != NULL && options->trace != NULL ? options->trace : trace_of(core);
    bool is_timed = session->limits.has_rate || (options != NULL && options->timeout > 0);
    return calls_ask(session, command, arguments, options, core->serving, trace, is_timed ? clock_now() : 0, out,
                     error);
}

/* The answer that is there. The result, if asked for, is the caller's. */
static stockade_status answer_of(const stockade_pending *pending, stockade_owned *result, stockade_error **error) {
    if (pending->error != NULL)
        return error_give(error, error_copy(pending->error));
    if (result != NULL)
        *result = owned_again(pending->result);
    return STOCKADE_OK;
}

stockade_status stockade_invoke(stockade_core *core, const char *command, const stockade_argument *arguments,
                                const stockade_options *options, stockade_owned *result, stockade_error **error) {
    stockade_pending *pending = NULL;
    stockade_status status = begin(core, command, arguments, options, &pending, error);
    if (pending == NULL)
        return status;
    wait_for(core, pending);
    status = pending->done ? answer_of(pending, result, error) : ended(core, error);
    pending_release(&core->session, pending);
    return status;
}

stockade_status stockade_call(stockade_core *core, const char *command, const stockade_argument *arguments,
                              const stockade_options *options, stockade_pending **pending, stockade_error **error) {
    stockade_pending *begun = NULL;
    stockade_status status = begin(core, command, arguments, options, &begun, error);
    if (begun == NULL)
        return status;
    while (begun->place == HELD && !begun->done && status == STOCKADE_OK)
        status = turn(core, -1, false);
    if (status == STOCKADE_OK && core->session.outbox.waiting >= EAGER)
        status = turn(core, 0, false);
    if (status != STOCKADE_OK) {
        pending_release(&core->session, begun);
        return ended(core, error);
    }
    begun->core = core;
    core->holders++;
    *pending = begun;
    return STOCKADE_OK;
}

stockade_status stockade_pending_result(stockade_pending *pending, stockade_owned *result, stockade_error **error) {
    if (pending == NULL)
        return misuse(error, "no call: NULL");
    if (!pending->done) {
        stockade_status status = check(pending->core, error);
        if (status != STOCKADE_OK)
            return status;
        wait_for(pending->core, pending);
    }
    return pending->done ? answer_of(pending, result, error) : ended(pending->core, error);
}

bool stockade_pending_done(stockade_pending *pending) {
    if (!pending->done && check(pending->core, NULL) == STOCKADE_OK)
        turn(pending->core, 0, false);
    return pending->done;
}

bool stockade_pending_cancel(stockade_pending *pending) {
    if (pending->done || check(pending->core, NULL) != STOCKADE_OK)
        return false;
    call_cancel(&pending->core->session, pending,
                error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "this worker has cancelled it"));
    flush(pending->core);
    return true;
}

void stockade_pending_free(stockade_pending *pending) {
    if (pending == NULL)
        return;
    stockade_core *core = pending->core;
    stockade_pending_cancel(pending);
    pending_release(&core->session, pending);
    core_release(core);
}

/* -- channels --------------------------------------------------------------------------------------------------------- */

/* A new end, which the caller frees. NULL: no memory. */
static struct channel *end_new(stockade_core *core, bool sends, uint64_t credit) {
    struct channel *channel = channel_new(sends);
    if (channel != NULL) {
        channel->window = channel->granted = credit > 0 ? credit : CREDIT;
        channel->core = core;
        core->holders++;
    }
    return channel;
}

/* Wait for a change of a channel, unless the call that is being handled should not go on. */
static stockade_status wait_for_change(stockade_core *core, stockade_error **error) {
    if (core->over == NULL && core->serving != NULL && core->serving->stopped != NULL)
        return error_give(error, error_copy(core->serving->stopped));
    stockade_status status = core->over == NULL ? turn(core, -1, false) : core->over->status;
    return status == STOCKADE_OK ? STOCKADE_OK : ended(core, error);
}

stockade_status stockade_receive_channel(stockade_core *core, uint64_t credit, stockade_receiver **receiver,
                                         stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (credit > LARGEST_WHOLE)
        return misuse(error, "a credit above 2^53 - 1");
    struct channel *channel = end_new(core, false, credit);
    if (channel == NULL)
        return error_give(error, without_memory());
    *receiver = (stockade_receiver *)(void *)channel;
    return STOCKADE_OK;
}

stockade_status stockade_receive(stockade_receiver *receiver, stockade_owned *item, stockade_error **error) {
    struct channel *channel = &receiver->channel;
    stockade_core *core = channel->core;
    if (!pthread_equal(core->thread, pthread_self()))
        return check(core, error);
    while (chain_is_empty(&channel->items)) {
        if (channel->over)
            return channel->error ? error_give(error, error_copy(channel->error)) : STOCKADE_DONE;
        if (!channel->bound && core->over == NULL)
            return misuse(error, "nobody sends on this channel yet: pass it to a call");
        stockade_status status = wait_for_change(core, error);
        if (status != STOCKADE_OK)
            return status;
    }
    *item = channel_take(&core->session, channel);
    if (core->over == NULL && core->session.outbox.first != NULL)
        flush(core); /* a grant: the sender should not have to wait until all that is here has been taken */
    return STOCKADE_OK;
}

void stockade_drop(stockade_receiver *receiver) {
    struct channel *channel = &receiver->channel;
    stockade_core *core = channel->core;
    if (!pthread_equal(core->thread, pthread_self()))
        return;
    channel_forget_items(channel);
    if (channel->over || core->over != NULL)
        return;
    if (channel->call != NULL && channel->entry.key == 0) /* the call has not gone yet, and need not */
        call_cancel(&core->session, channel->call,
                    error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "its stream is not wanted"));
    channel_finish(&core->session, channel, NULL);
    flush(core);
}

void stockade_receiver_free(stockade_receiver *receiver) {
    if (receiver == NULL)
        return;
    stockade_core *core = receiver->channel.core;
    stockade_drop(receiver);
    if (receiver->channel.call != NULL)
        pending_release(&core->session, receiver->channel.call);
    receiver->channel.call = NULL;
    channel_release(&receiver->channel);
    core_release(core);
}

stockade_status stockade_stream(stockade_core *core, const char *command, const stockade_argument *arguments,
                                const stockade_options *options, stockade_receiver **stream, stockade_error **error) {
    stockade_receiver *receiver = NULL;
    stockade_status status = stockade_receive_channel(core, options ? options->credit : 0, &receiver, error);
    if (status != STOCKADE_OK)
        return status;
    size_t count = 0;
    while (arguments != NULL && arguments[count].name != NULL)
        count++;
    stockade_argument *all = calloc(count + 2, sizeof *all);
    if (all == NULL) {
        status = error_give(error, without_memory());
    } else {
        if (count > 0)
            memcpy(all, arguments, count * sizeof *all);
        all[count].name = "yield";
        all[count].value = stockade_receiving(receiver);
        status = begin(core, command, all, options, &receiver->channel.call, error);
        free(all);
    }
    if (status == STOCKADE_OK) {
        flush(core);
        *stream = receiver;
    } else {
        stockade_receiver_free(receiver);
    }
    return status;
}

stockade_status stockade_send_channel(stockade_core *core, stockade_sender **sender, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    struct channel *channel = end_new(core, true, 0);
    if (channel == NULL)
        return error_give(error, without_memory());
    *sender = (stockade_sender *)(void *)channel;
    return STOCKADE_OK;
}

static stockade_status send_item(struct channel *channel, stockade_value item, stockade_error **error) {
    stockade_core *core = channel->core;
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (!channel->bound)
        return misuse(error, "nobody receives on this channel yet: pass it to a call");
    while (channel->credit == 0 && !channel->over) {
        status = wait_for_change(core, error);
        if (status != STOCKADE_OK)
            return status;
    }
    if (channel->over)
        return channel->error ? error_give(error, error_copy(channel->error))
                              : misuse(error, "this channel has been ended, so nothing more can be sent on it");
    status = channel_send(&core->session, channel, item, error);
    flush(core);
    return status;
}

stockade_status stockade_send(stockade_sender *sender, stockade_value item, stockade_error **error) {
    return send_item(&sender->channel, item, error);
}

bool stockade_sender_dropped(const stockade_sender *sender) {
    return sender->channel.dropped;
}

stockade_status stockade_fail(stockade_sender *sender, const stockade_error *why, stockade_error **error) {
    stockade_core *core = sender->channel.core;
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return sender->channel.over && status != STOCKADE_MISUSE ? STOCKADE_OK : status;
    channel_finish(&core->session, &sender->channel, why);
    flush(core);
    return STOCKADE_OK;
}

stockade_status stockade_end(stockade_sender *sender, stockade_error **error) {
    return stockade_fail(sender, NULL, error);
}

void stockade_sender_free(stockade_sender *sender) {
    if (sender == NULL)
        return;
    stockade_core *core = sender->channel.core;
    if (check(core, NULL) == STOCKADE_OK) {
        channel_forsake(&core->session, &sender->channel);
        flush(core);
    }
    channel_release(&sender->channel);
    core_release(core);
}


/* worker, its face: listening, handlers of events, emitting. */


/* -- subscriptions ---------------------------------------------------------------------------------------------------- */

static void subscription_release(stockade_subscription *subscription) {
    if (--subscription->holders > 0)
        return;
    if (subscription->destroy != NULL)
        subscription->destroy(subscription->user);
    free(subscription);
}

/* Its handler is called no more. Unsubscribes if it was the last of its topic. Doing so again does nothing. */
static void subscription_end(stockade_subscription *subscription) {
    stockade_core *core = subscription->core;
    struct topic *topic = subscription->topic;
    if (topic == NULL)
        return;
    subscription->topic = NULL;
    chain_remove(&subscription->chain);
    if (chain_is_empty(&topic->subscriptions)) {
        if (core->over == NULL) {
            zmq_setsockopt(core->link.events, ZMQ_UNSUBSCRIBE, topic->name, strlen(topic->name));
            core->used = true;
        }
        topic_free(&core->session, topic);
    }
    subscription_release(subscription);
}

void stockade_unlisten(stockade_subscription *subscription) {
    if (subscription == NULL)
        return;
    stockade_core *core = subscription->core;
    if (!pthread_equal(core->thread, pthread_self()))
        return;
    subscription_end(subscription);
    subscription_release(subscription);
    core_release(core);
}

/* The topic of this name, subscribed to if it is new. */
static stockade_status topic_of(stockade_core *core, const char *name, struct topic **topic, stockade_error **error) {
    struct session *session = &core->session;
    char topic_name[LONGEST_NAME + 2];
    size_t size = strlen(name);
    bool is_prefix = size > 1 && name[size - 1] == '/';
    if (!is_event_n(name, is_prefix ? size - 1 : size))
        return misuse(error, "no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . - (a prefix ends in one slash)");
    snprintf(topic_name, sizeof topic_name, is_prefix ? "%s" : "%s|", name);
    *topic = topic_find(session, topic_name);
    if (*topic != NULL)
        return STOCKADE_OK;
    if (!may_listen(session, name))
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_NOT_ALLOWED,
                                          "%s may not listen to \"%s\" (its grants say so; nothing was sent)",
                                          session->label, name));
    if (session->topic_count >= session->limits.topics)
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_BUSY,
                                          "%zu topics are listened to, and no more are taken (nothing was sent)",
                                          session->topic_count));
    *topic = topic_new(session, topic_name);
    if (*topic == NULL)
        return error_give(error, without_memory());
    zmq_setsockopt(core->link.events, ZMQ_SUBSCRIBE, topic_name, strlen(topic_name));
    core->used = true;
    return STOCKADE_OK;
}

/* Wait until the core has answered for its topic. */
static stockade_status await_subscription(stockade_core *core, const stockade_subscription *subscription,
                                          stockade_error **error) {
    while (core->over == NULL && !subscription->topic->answered)
        turn(core, -1, false);
    if (core->over != NULL)
        return ended(core, error);
    if (subscription->topic->denied != NULL)
        return error_give(error, error_copy(subscription->topic->denied));
    return STOCKADE_OK;
}

static stockade_status listen_to(stockade_core *core, stockade_subscription *subscription, const char *name,
                                 stockade_error **error) {
    struct topic *topic = NULL;
    stockade_status status = check(core, error);
    if (status == STOCKADE_OK && (name == NULL || subscription->listener == NULL))
        status = misuse(error, "listening to nothing, or without a handler");
    if (status == STOCKADE_OK)
        status = topic_of(core, name, &topic, error);
    if (status != STOCKADE_OK)
        return status;
    subscription->topic = topic;
    subscription->holders++;
    chain_append(&topic->subscriptions, &subscription->chain);
    status = await_subscription(core, subscription, error);
    if (status != STOCKADE_OK)
        subscription_end(subscription);
    return status;
}

static stockade_status subscribe(stockade_core *core, const char *name, const stockade_subscription *wanted,
                                 stockade_subscription **out, stockade_error **error) {
    stockade_subscription *subscription = malloc(sizeof *subscription);
    if (subscription == NULL) {
        if (wanted->destroy != NULL)
            wanted->destroy(wanted->user);
        return error_give(error, without_memory());
    }
    *subscription = *wanted;
    subscription->holders = 1;
    subscription->core = core;
    chain_init(&subscription->chain);
    stockade_status status = listen_to(core, subscription, name, error);
    if (status == STOCKADE_OK && out != NULL) {
        core->holders++;
        *out = subscription;
    } else {
        subscription_release(subscription);
    }
    return status;
}

stockade_status stockade_listen(stockade_core *core, const char *name, stockade_listener listener, void *user,
                                stockade_destroy destroy, stockade_subscription **subscription,
                                stockade_error **error) {
    const stockade_subscription wanted = {.listener = listener, .user = user, .destroy = destroy, .once = false};
    return subscribe(core, name, &wanted, subscription, error);
}

stockade_status stockade_once(stockade_core *core, const char *name, stockade_listener listener, void *user,
                              stockade_destroy destroy, stockade_subscription **subscription, stockade_error **error) {
    const stockade_subscription wanted = {.listener = listener, .user = user, .destroy = destroy, .once = true};
    return subscribe(core, name, &wanted, subscription, error);
}

static void listeners_free(stockade_core *core) {
    while (!chain_is_empty(&core->session.topics)) {
        struct topic *topic = topic_in(core->session.topics.behind);
        if (chain_is_empty(&topic->subscriptions))
            topic_free(&core->session, topic);
        else
            subscription_end(subscription_in(topic->subscriptions.behind));
    }
}

/* -- handling events -------------------------------------------------------------------------------------------------- */

/* Those that are to be called with one event, each held. */
struct called {
    stockade_subscription **all;
    size_t count, capacity;
};

static bool called_add(struct called *called, const struct topic *topic) {
    for (struct chain *each = topic->subscriptions.behind; each != &topic->subscriptions; each = each->behind) {
        if (called->count == called->capacity) {
            size_t capacity = called->capacity ? called->capacity * 2 : 4;
            stockade_subscription **all = realloc(called->all, capacity * sizeof *all);
            if (all == NULL)
                return false;
            called->all = all;
            called->capacity = capacity;
        }
        called->all[called->count++] = subscription_in(each);
        subscription_in(each)->holders++;
    }
    return true;
}

/* Those of the name itself, then of its prefixes, the shortest first. */
static bool called_find(struct called *called, const struct session *session, const char *name) {
    for (size_t size = 0; size <= LONGEST_NAME + 1; size++) {
        bool is_name = size == 0;
        if (!is_name && (size > strlen(name) || name[size - 1] != '/'))
            continue;
        for (struct chain *each = session->topics.behind; each != &session->topics; each = each->behind) {
            const struct topic *topic = topic_in(each);
            size_t length = strlen(topic->name);
            bool is_prefix = topic->name[length - 1] == '/';
            bool matches = is_name ? !is_prefix : is_prefix && length == size;
            if (matches && topic_has(topic->name, name) && !called_add(called, topic))
                return false;
        }
    }
    return true;
}

static stockade_status call_listener(stockade_subscription *subscription, const stockade_event *event) {
    if (subscription->topic == NULL)
        return STOCKADE_OK; /* the handler before it has ended it */
    if (subscription->once)
        subscription_end(subscription);
    return subscription->listener(event, subscription->user);
}

/* Call the handlers of an event. STOCKADE_OK, or what one has returned. */
static stockade_status handle_event(stockade_core *core, struct arrival *arrival) {
    struct called called = {NULL, 0, 0};
    stockade_status status = STOCKADE_OK;
    if (!called_find(&called, &core->session, arrival->event.name))
        status = STOCKADE_NO_MEMORY;
    core->reacting = &arrival->event;
    for (size_t at = 0; at < called.count; at++) {
        if (status == STOCKADE_OK)
            status = call_listener(called.all[at], &arrival->event);
        subscription_release(called.all[at]);
    }
    core->reacting = NULL;
    free(called.all);
    arrival_free(arrival);
    return status;
}

/* -- emitting --------------------------------------------------------------------------------------------------------- */

stockade_status stockade_emit(stockade_core *core, const char *event, stockade_value payload,
                              const stockade_emit_options *options, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (event == NULL)
        return misuse(error, "an event without a name");
    int64_t now = clock_now();
    if (now - core->looked > LOOK) {
        core->looked = now;
        if (turn(core, 0, false) != STOCKADE_OK)
            return ended(core, error);
    }
    const char *trace = options != NULL && options->trace != NULL ? options->trace : trace_of(core);
    status = session_prepare_emit(&core->session, event, payload, options ? options->to : NULL, trace, error);
    if (status == STOCKADE_OK && emit_prepared(core) != STOCKADE_OK)
        return ended(core, error);
    return status;
}


/* worker, its face: what a worker exports, and the handlers of the calls that come. */


#define MOST_EXPORTS 1024

/* -- exporting -------------------------------------------------------------------------------------------------------- */

/* Characters of a text that is UTF-8. */
static size_t characters(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static stockade_status check_export(const stockade_core *core, const char *command, stockade_handler handler,
                                    stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    const struct session *session = &core->session;
    if (session->is_ready)
        return misuse(error, "what a worker exports is said with `ready`: export before that, and before run");
    if (command == NULL || handler == NULL || !is_utf8(command, strlen(command)) || characters(command) < 1 ||
        characters(command) > LONGEST_NAME)
        return misuse(error, "no command's name, which has 1 to 128 characters, or no handler");
    if (export_find(session, command, strlen(command)) != NULL)
        return misuse(error, "this command is exported already");
    if (session->export_count >= MOST_EXPORTS)
        return misuse(error, "a worker has 1024 exports at most");
    return STOCKADE_OK;
}

/* Copy the names of its arguments. False: no memory. */
static bool copy_arguments(struct export *export) {
    const char *const *names = export->options.arguments;
    size_t count = 0;
    export->options.arguments = NULL;
    if (names == NULL)
        return true;
    while (names[count] != NULL)
        count++;
    export->arguments = calloc(count + 1, sizeof *export->arguments);
    for (size_t at = 0; export->arguments != NULL && at < count; at++) {
        if ((export->arguments[at] = text_dup(names[at])) == NULL)
            return false;
    }
    return export->arguments != NULL;
}

static stockade_status add_export(struct session *session, const char *command, struct export export,
                                  stockade_error **error) {
    export.name = text_dup(command);
    struct export *all = realloc(session->exports, (session->export_count + 1) * sizeof *all);
    if (all != NULL)
        session->exports = all;
    if (!copy_arguments(&export) || export.name == NULL || all == NULL) {
        export_clear(&export);
        return error_give(error, without_memory());
    }
    all[session->export_count++] = export;
    return STOCKADE_OK;
}

stockade_status stockade_export(stockade_core *core, const char *command, stockade_handler handler, void *user,
                                stockade_destroy destroy, const stockade_export_options *options,
                                stockade_error **error) {
    struct export wanted = {.handler = handler, .user = user, .destroy = destroy};
    if (options != NULL)
        wanted.options = *options;
    if (wanted.options.concurrency == 0)
        wanted.options.concurrency = 1;
    stockade_status status = check_export(core, command, handler, error);
    if (status == STOCKADE_OK)
        status = add_export(&core->session, command, wanted, error);
    if (status != STOCKADE_OK && destroy != NULL)
        destroy(user);
    return status;
}

/* -- what a handler sees ---------------------------------------------------------------------------------------------- */

stockade_core *stockade_handling_core(const stockade_handling *handling) {
    return handling->core;
}
const char *stockade_handling_command(const stockade_handling *handling) {
    return handling->command;
}
const char *stockade_handling_caller(const stockade_handling *handling) {
    return handling->caller;
}
const char *stockade_handling_trace(const stockade_handling *handling) {
    return handling->trace;
}

int64_t stockade_handling_deadline(const stockade_handling *handling) {
    return milliseconds(handling->deadline, clock_now());
}

bool stockade_handling_cancelled(stockade_handling *handling) {
    if (handling->stopped == NULL && check(handling->core, NULL) == STOCKADE_OK)
        turn(handling->core, 0, false);
    return handling->stopped != NULL || handling->core->over != NULL;
}

stockade_status stockade_handling_check(stockade_handling *handling, stockade_error **error) {
    if (!stockade_handling_cancelled(handling))
        return STOCKADE_OK;
    if (handling->stopped != NULL)
        return error_give(error, error_copy(handling->stopped));
    return ended(handling->core, error);
}

stockade_value stockade_handling_argument(const stockade_handling *handling, const char *name) {
    stockade_value missing = {STOCKADE_MISSING, {0}};
    for (size_t at = 0; at < handling->argument_count; at++) {
        if (strcmp(handling->arguments[at].name, name) == 0)
            return handling->arguments[at].value;
    }
    return missing;
}

const stockade_argument *stockade_handling_arguments(const stockade_handling *handling, size_t *count) {
    if (count != NULL)
        *count = handling->argument_count;
    return handling->arguments;
}

/* -- answering -------------------------------------------------------------------------------------------------------- */

stockade_status stockade_answer(stockade_handling *handling, stockade_value result, stockade_error **error) {
    stockade_status status = check(handling->core, error);
    if (status != STOCKADE_OK)
        return status;
    struct session *session = &handling->core->session;
    if (handling->yield != NULL && !handling->done) {
        if (result.kind > STOCKADE_NULL)
            return misuse(error, "what streams has no result: yield it");
        channel_finish(session, handling->yield, NULL); /* a stream is whole when its result comes */
    }
    return handling_succeed(session, handling, result, error);
}

stockade_status stockade_answer_with(stockade_handling *handling, const stockade_error *why) {
    if (check(handling->core, NULL) != STOCKADE_OK)
        return STOCKADE_OK;
    if (why != NULL && why->status == STOCKADE_COMMAND) {
        handling_fail(&handling->core->session, handling, why);
        return STOCKADE_OK;
    }
    stockade_error *failed =
        error_of(STOCKADE_COMMAND, STOCKADE_CODE_FAILED, "the command failed: %s", why ? why->message : "");
    handling_fail(&handling->core->session, handling, failed);
    stockade_error_free(failed);
    return STOCKADE_OK;
}

stockade_status stockade_answer_error(stockade_handling *handling, const char *code, const char *message,
                                      stockade_value data) {
    stockade_error *error = stockade_error_new(code, message, data);
    stockade_answer_with(handling, error);
    stockade_error_free(error);
    return STOCKADE_OK;
}

stockade_status stockade_yield(stockade_handling *handling, stockade_value item, stockade_error **error) {
    if (handling->yield == NULL)
        return misuse(error, "this command does not stream: export it with `streams`");
    if (handling->stopped != NULL && !handling->yield->dropped)
        return error_give(error, error_copy(handling->stopped));
    stockade_error *why = NULL;
    stockade_status status = handling->yield->dropped ? STOCKADE_DONE : send_item(handling->yield, item, &why);
    if (handling->yield->dropped) {
        stockade_error_free(why);
        return STOCKADE_DONE;
    }
    return why != NULL ? error_give(error, why) : status;
}

/* -- running a handler ------------------------------------------------------------------------------------------------ */

/* Whether a stream is asked of what does not yield, or none of what does: then it is answered so. */
static bool refuses_stream(struct session *session, stockade_handling *handling) {
    bool streams = handling->export->options.streams, is_asked = handling->yield != NULL;
    if (streams == is_asked && (!is_asked || handling->yield->sends))
        return false;
    stockade_error *error = error_of(STOCKADE_COMMAND, STOCKADE_CODE_INVALID_ARGS, "%s %s", handling->command,
                                     streams ? "streams: ask for its stream" : "does not stream: invoke it");
    handling_fail(session, handling, error);
    stockade_error_free(error);
    return true;
}

static stockade_error *unfit(const char *what, const char *name) {
    char message[256];
    snprintf(message, sizeof message, "%s \"%s\"", what, name);
    stockade_error *error = error_plain(STOCKADE_COMMAND, STOCKADE_CODE_INVALID_ARGS, message);
    struct buffer data = {0};
    stockade_value map = {STOCKADE_MISSING, {0}};
    put_map(&data, 1);
    put_text(&data, "path");
    put_text(&data, name);
    if (!data.failed && wire_decode(data.data, data.size, &map) == NULL && error != &WITHOUT_MEMORY)
        error_set_data(error, map);
    buffer_free(&data);
    return error;
}

static bool names_argument(const char *declared, const char *name, size_t size) {
    return strncmp(declared, name, size) == 0 && (declared[size] == '\0' || strcmp(declared + size, "?") == 0);
}

/* Why the arguments are not those that the export names; NULL if they are. */
static stockade_error *unfit_arguments(const stockade_handling *handling) {
    char *const *declared = handling->export->arguments;
    for (size_t at = 0; declared != NULL && at < handling->argument_count; at++) {
        char *const *each = declared;
        const char *name = handling->arguments[at].name;
        while (*each != NULL && !names_argument(*each, name, strlen(name)))
            each++;
        if (*each == NULL)
            return unfit("there is no argument", name);
    }
    for (char *const *each = declared; each != NULL && *each != NULL; each++) {
        size_t size = strlen(*each);
        if ((size == 0 || (*each)[size - 1] != '?') &&
            stockade_handling_argument(handling, *each).kind == STOCKADE_MISSING)
            return unfit("it lacks the argument", *each);
    }
    return NULL;
}

static bool refuses_arguments(struct session *session, stockade_handling *handling) {
    stockade_error *error = unfit_arguments(handling);
    if (error == NULL)
        return false;
    handling_fail(session, handling, error);
    stockade_error_free(error);
    return true;
}

/* A handler that failed without an answer: the caller learns where the log has the reason. */
static void answer_failed(struct session *session, stockade_handling *handling, stockade_status status) {
    char reference[96], line[320];
    struct buffer data = {0};
    stockade_value map = {STOCKADE_MISSING, {0}};
    snprintf(reference, sizeof reference, "%s/%llu", session->label, (unsigned long long)handling->entry.key);
    snprintf(line, sizeof line, "%s failed (%s; reference %s)", handling->command, stockade_status_text(status),
             reference);
    tell(line);
    put_map(&data, 1);
    put_text(&data, "reference");
    put_text(&data, reference);
    if (!data.failed)
        wire_decode(data.data, data.size, &map);
    snprintf(line, sizeof line, "the command failed; the log of its worker has the reason as %s", reference);
    stockade_error *error =
        error_make(STOCKADE_COMMAND, STOCKADE_CODE_FAILED, strlen(STOCKADE_CODE_FAILED), line, strlen(line), map);
    handling_fail(session, handling, error);
    stockade_error_free(error);
    buffer_free(&data);
}

/* The handler has returned: answer what it has not answered. */
static void conclude(stockade_core *core, stockade_handling *handling, stockade_status status) {
    struct session *session = &core->session;
    if (handling->done || core->over != NULL)
        return;
    if (handling->stopped != NULL)
        handling_fail(session, handling, handling->stopped);
    else if (status == STOCKADE_OK || status == STOCKADE_DONE)
        stockade_answer(handling, stockade_null(), NULL);
    else
        answer_failed(session, handling, status);
}

/* Run the handler of an exported command, and answer. What ends the worker comes out alone. */
static stockade_status handle_call(stockade_core *core, stockade_handling *handling) {
    stockade_status status = STOCKADE_OK;
    core->serving = handling;
    if (!refuses_stream(&core->session, handling) && !refuses_arguments(&core->session, handling)) {
        status = handling->export->handler(handling, handling->export->user);
        conclude(core, handling, status);
    }
    core->serving = NULL;
    if (!handling->done)
        handling_done(&core->session, handling);
    handling_free(&core->session, handling);
    if (core->over == NULL)
        flush(core);
    return stockade_is_end(status) ? status : STOCKADE_OK;
}


/* worker, its face: connecting, living, leaving. */


const char *stockade_version(void) {
    return STOCKADE_VERSION;
}

int stockade_exit_status(stockade_status status) {
    switch (status) {
    case STOCKADE_OK:
    case STOCKADE_DONE:
    case STOCKADE_CLOSED:
    case STOCKADE_STOPPED:
        return 0;
    case STOCKADE_BY_HAND:
        return 2;
    case STOCKADE_CORE_BROKEN:
        return 70;
    default:
        return 1;
    }
}

const char *stockade_status_text(stockade_status status) {
    switch (status) {
    case STOCKADE_OK:
        return "well";
    case STOCKADE_DONE:
        return "the channel has ended";
    case STOCKADE_COMMAND:
        return "the answer is an error";
    case STOCKADE_UNENCODABLE:
        return "a value that cannot be said";
    case STOCKADE_MISUSE:
        return "a misuse of the library";
    case STOCKADE_NO_MEMORY:
        return NO_MEMORY;
    case STOCKADE_CLOSED:
        return "the connection has been closed";
    case STOCKADE_FAILED:
        return "a handler failed";
    case STOCKADE_STOPPED:
        return "the lifeline has ended";
    case STOCKADE_LOST:
        return "the core has gone";
    case STOCKADE_REFUSED:
        return "the core refused this worker";
    case STOCKADE_BREACHED:
        return "this worker broke the protocol";
    case STOCKADE_BY_HAND:
        return "no supervisor started this process";
    case STOCKADE_CORE_BROKEN:
        return "the core broke the protocol";
    }
    return "a status that there is not";
}

/* -- connecting ------------------------------------------------------------------------------------------------------- */

/* Bind the sockets and say hello. NULL, or why not. */
static stockade_error *core_begin(stockade_core *core, const stockade_connect_options *options) {
    struct place place;
    stockade_error *error = take_place(&place);
    if (error != NULL)
        return error;
    error = link_init(&core->link, &place);
    memset(place.secret, 0, sizeof place.secret);
    if (error != NULL)
        return error;
    const char *stub = options != NULL && options->stub != NULL ? options->stub : "c/" STOCKADE_VERSION;
    size_t queue = options != NULL && options->queue > 0 ? options->queue : QUEUE;
    if (!session_init(&core->session, place.label, place.generation, stub, queue))
        return without_memory();
    session_hello(&core->session);
    return NULL;
}

/* Why there is no connection, as the operator and the caller get it. */
static stockade_status not_connected(const stockade_connect_options *options, stockade_error *why,
                                     stockade_error **error) {
    if (why->status == STOCKADE_STOPPED && (options == NULL || !options->returns_when_stopped))
        exit(stockade_exit_status(STOCKADE_STOPPED));
    if (why->status != STOCKADE_STOPPED)
        tell(why->message);
    return error_give(error, why);
}

static void core_free(stockade_core *core) {
    listeners_free(core);
    session_free(&core->session);
    link_close(&core->link);
    core_release(core);
}

stockade_status stockade_connect(stockade_core **core, const stockade_connect_options *options,
                                 stockade_error **error) {
    stockade_core *made = calloc(1, sizeof *made);
    if (made == NULL)
        return error_give(error, without_memory());
    made->holders = 1;
    made->thread = pthread_self();
    made->used = true;
    made->link.lifeline = -1;
    if (options != NULL) {
        made->spin = options->spin_us * 1000;
        made->returns_when_stopped = options->returns_when_stopped;
    }
    stockade_error *why = core_begin(made, options);
    if (why != NULL) {
        link_close(&made->link);
        free(made);
        return not_connected(options, why, error);
    }
    stockade_status status = STOCKADE_OK;
    while (status == STOCKADE_OK && (made->session.state != OPEN || !made->takes_emits))
        status = turn(made, -1, false);
    if (status != STOCKADE_OK) {
        status = ended(made, error);
        core_free(made);
        return status;
    }
    *core = made;
    return STOCKADE_OK;
}

/* -- leaving ---------------------------------------------------------------------------------------------------------- */

static bool is_handling(const stockade_core *core) {
    return core->serving != NULL || core->reacting != NULL;
}

stockade_status stockade_close(stockade_core *core, stockade_error **error) {
    if (core == NULL || (core->over != NULL && core->over->status == STOCKADE_CLOSED))
        return STOCKADE_OK;
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (is_handling(core))
        return misuse(error, "close was called inside a handler; return from it first");
    struct session *session = &core->session;
    int64_t end = clock_now() + LEAVE;
    session_bye(session);
    while (session->state != LEFT) {
        int left = milliseconds(end, clock_now());
        if (left == 0)
            break;
        if (turn(core, left, false) != STOCKADE_OK)
            return ended(core, error);
    }
    char line[128];
    if (session->state != LEFT) {
        tell("the core has not answered bye within 2 s");
    } else if (session->emits_handled != session->emitted) {
        snprintf(line, sizeof line, "the core has handled %llu of %llu emits",
                 (unsigned long long)session->emits_handled, (unsigned long long)session->emitted);
        tell(line);
    }
    finish(core, error_plain(STOCKADE_CLOSED, "", "this connection has been closed"));
    return STOCKADE_OK;
}

void stockade_free(stockade_core *core) {
    if (core == NULL || !pthread_equal(core->thread, pthread_self()) || is_handling(core))
        return;
    stockade_close(core, NULL);
    core_free(core);
}

/* -- living ----------------------------------------------------------------------------------------------------------- */

stockade_status stockade_ready(stockade_core *core, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    session_ready(&core->session);
    return turn(core, 0, false) == STOCKADE_OK ? STOCKADE_OK : ended(core, error);
}

static bool has_work(const struct session *session) {
    return !chain_is_empty(&session->arrivals) || !chain_is_empty(&session->asked_of_us);
}

/* Handle the event or the call that has waited longest of its kind, by turns where both wait. */
static stockade_status handle_one(stockade_core *core) {
    struct session *session = &core->session;
    core->turns_about = !core->turns_about;
    bool takes_call = core->turns_about || chain_is_empty(&session->arrivals);
    stockade_handling *handling = takes_call ? handled_next(session) : NULL;
    if (handling != NULL)
        return handle_call(core, handling);
    struct arrival *arrival = session_next_event(session);
    return arrival != NULL ? handle_event(core, arrival) : STOCKADE_OK;
}

/* What a handler has returned, as an error: if it was the conversation that ended, that is the better one. */
static stockade_status handler_said(const stockade_core *core, stockade_status status, stockade_error **error) {
    if (core->over != NULL)
        return ended(core, error);
    return error_give(error, error_of(status, "", "a handler returned: %s", stockade_status_text(status)));
}

static stockade_status check_not_handling(const stockade_core *core, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status == STOCKADE_OK && is_handling(core))
        return misuse(error, "run or poll was called inside a handler; return from it, and the next one runs");
    return status;
}

stockade_status stockade_run(stockade_core *core, stockade_error **error) {
    stockade_status status = check_not_handling(core, error);
    if (status != STOCKADE_OK)
        return status;
    struct session *session = &core->session;
    session_ready(session);
    for (;;) {
        bool waits = !has_work(session) && !session->stopping;
        if (turn(core, waits ? -1 : 0, false) != STOCKADE_OK)
            return ended(core, error);
        if (session->stopping)
            return STOCKADE_OK;
        status = handle_one(core);
        if (status != STOCKADE_OK || core->over != NULL)
            return handler_said(core, status, error);
    }
}

/* Wait for something to handle. */
static stockade_status wait_for_work(stockade_core *core, int64_t timeout) {
    const struct session *session = &core->session;
    int64_t end = timeout < 0 || timeout > LONGEST ? NEVER : clock_now() + timeout * MILLISECOND;
    stockade_status status = turn(core, 0, false);
    core->interrupted = false;
    while (status == STOCKADE_OK && !has_work(session) && !session->stopping && !core->interrupted) {
        int left = milliseconds(end, end == NEVER ? 0 : clock_now());
        if (left == 0)
            break;
        status = turn(core, left, false);
    }
    return status;
}

stockade_status stockade_poll(stockade_core *core, int64_t timeout, size_t *handled, stockade_error **error) {
    stockade_status status = check_not_handling(core, error);
    if (status != STOCKADE_OK)
        return status;
    const struct session *session = &core->session;
    if (wait_for_work(core, timeout) != STOCKADE_OK)
        return ended(core, error);
    size_t waiting = session->waiting, count = 0;
    for (struct chain *each = session->asked_of_us.behind; each != &session->asked_of_us; each = each->behind)
        waiting++;
    while (count < waiting && has_work(session) && !session->stopping) {
        status = handle_one(core);
        if (status != STOCKADE_OK || core->over != NULL)
            return handler_said(core, status, error);
        count++;
        if (turn(core, 0, false) != STOCKADE_OK)
            return ended(core, error);
    }
    if (handled != NULL)
        *handled = count;
    return STOCKADE_OK;
}

stockade_status stockade_ping(stockade_core *core, int64_t *nanoseconds, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    struct session *session = &core->session;
    int64_t began = clock_now();
    uint64_t number = ++session->last_ping;
    outbox_put(&session->outbox, say(session, 1, "ping", number));
    while (session->last_pong < number) {
        if (turn(core, -1, false) != STOCKADE_OK)
            return ended(core, error);
    }
    if (nanoseconds != NULL)
        *nanoseconds = clock_now() - began;
    return STOCKADE_OK;
}

/* -- who and what ----------------------------------------------------------------------------------------------------- */

const char *stockade_worker(const stockade_core *core) {
    return core->session.label;
}
uint64_t stockade_generation(const stockade_core *core) {
    return core->session.generation;
}
const char *stockade_core_version(const stockade_core *core) {
    return core->session.core_version;
}
const stockade_limits *stockade_limits_of(const stockade_core *core) {
    return &core->session.limits;
}
const stockade_grants *stockade_grants_of(const stockade_core *core) {
    return &core->session.grants;
}
bool stockade_may_call(const stockade_core *core, const char *command) {
    return grant_allows(&core->session.commands, command);
}
bool stockade_may_listen(const stockade_core *core, const char *name) {
    return may_listen(&core->session, name);
}
bool stockade_may_emit(const stockade_core *core, const char *event) {
    return grant_allows(&core->session.emit, event);
}
uint64_t stockade_missed(const stockade_core *core) {
    return session_missed(&core->session);
}

bool stockade_stopping(stockade_core *core) {
    if (check(core, NULL) != STOCKADE_OK || turn(core, 0, false) != STOCKADE_OK)
        return true;
    return core->session.stopping;
}

stockade_statistics stockade_statistics_of(const stockade_core *core) {
    const struct session *session = &core->session;
    stockade_statistics statistics = {
        .calls = session->last_call,
        .answered = session->answered,
        .late = session->late,
        .tries = session->tries,
        .pending = session->flight.count,
        .handled = session->handled_count,
        .channels = session->channels.count,
        .batches = session->outbox.batches,
        .emitted = session->emitted,
        .events = session->events,
        .waiting = session->waiting,
        .missed = session_missed(session),
        .pings = session->pings,
    };
    return statistics;
}

