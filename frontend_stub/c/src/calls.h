/* session, calls: those that this worker makes, from the asking until the one answer each has (docs/protocol.md, section
 * 5). Knows no socket and no clock. */
#ifndef STOCKADE_SRC_CALLS_H
#define STOCKADE_SRC_CALLS_H

#include "channels.h"

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

#endif
