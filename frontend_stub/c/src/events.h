/* session, events: names and topics, who listens to what, what has come and waits (docs/protocol.md, section 7). */
#ifndef STOCKADE_SRC_EVENTS_H
#define STOCKADE_SRC_EVENTS_H

#include "handled.h"

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

#endif
