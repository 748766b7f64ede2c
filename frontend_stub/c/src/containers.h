/* What the rest is kept in: byte buffers, lists, tables by number, timers. Knows nothing of Stockade.
 *
 * Memory that there is not is said by false; nothing has changed then, but a buffer, which stays failed. */
#ifndef STOCKADE_SRC_CONTAINERS_H
#define STOCKADE_SRC_CONTAINERS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../stockade.h"

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

#endif
