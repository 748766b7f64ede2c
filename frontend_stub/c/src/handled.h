/* session, handled: the calls that this worker answers, each once (docs/protocol.md, section 5). Runs no handler. */
#ifndef STOCKADE_SRC_HANDLED_H
#define STOCKADE_SRC_HANDLED_H

#include "asking.h"

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

#endif
