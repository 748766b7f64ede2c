/* session, verbs: what each message of the core does, which may come when, and whole batches of them. */
#ifndef STOCKADE_SRC_VERBS_H
#define STOCKADE_SRC_VERBS_H

#include "session.h"

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

#endif
