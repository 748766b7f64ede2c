/* worker, its face: connecting, living, leaving. */
#ifndef STOCKADE_SRC_FACE_H
#define STOCKADE_SRC_FACE_H

#include "face_handling.h"

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

#endif
