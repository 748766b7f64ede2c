/* session, asking: how a call begins, how it is answered, and how it ends without an answer. */
#ifndef STOCKADE_SRC_ASKING_H
#define STOCKADE_SRC_ASKING_H

#include "calls.h"

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

#endif
