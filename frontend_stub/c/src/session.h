/* session: one worker's side of the conversation: what a frame of the core means, and what may come when. Frames go in,
 * and come out of its outbox. Knows no socket, clock, thread or loop; `now` is in nanoseconds. */
#ifndef STOCKADE_SRC_SESSION_H
#define STOCKADE_SRC_SESSION_H

#include "events.h"

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

/* -- what the core says: what each verb does ----------------------------------------------------------------------------- */

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
