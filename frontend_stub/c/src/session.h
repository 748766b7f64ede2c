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

#endif
