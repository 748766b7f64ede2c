/* worker, turns: the one loop of a connection, turned by whoever waits: all three sockets and the lifeline in one poll,
 * and what is due in time. Knows no verb, and runs no handler. */
#ifndef STOCKADE_SRC_TURNS_H
#define STOCKADE_SRC_TURNS_H

#include <pthread.h>

#include "link.h"

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

#endif
