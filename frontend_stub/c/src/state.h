/* session, its state: all that one worker's side of the conversation remembers. Knows no socket, clock or thread. */
#ifndef STOCKADE_SRC_STATE_H
#define STOCKADE_SRC_STATE_H

#include "grants.h"
#include "outbox.h"

/* Items that a sender may be ahead of its receiver, unless the receiver says otherwise. */
#define CREDIT 64
#define MILLISECOND INT64_C(1000000)
/* The longest time that is counted, about thirty years: what is longer is for ever. */
#define LONGEST (INT64_C(1000000000) * 1000)

/* An item that has come, and waits to be taken. */
struct item {
    struct chain chain;
    stockade_owned owned;
};

/* One end of a channel: a stockade_sender, or a stockade_receiver. */
struct channel {
    struct entry entry; /* by its id, among those that are open; 0: the call that passes it has not gone */
    unsigned holders;
    stockade_core *core;            /* for the worker's part */
    bool sends, bound;              /* bound: a call has it */
    bool is_open;                   /* it stands in the table */
    bool over, dropped;             /* over: nothing more goes, or comes; dropped: its receiver said so */
    stockade_error *error;          /* why it is over, if it did not just end */
    uint64_t credit;                /* of a sender: what it may send now */
    uint64_t window, granted, owed; /* of a receiver: how far the sender may be ahead, is, and what was taken since */
    struct chain items;
    stockade_pending *call; /* of a stream: its own call, held */
};

struct stockade_sender {
    struct channel channel;
};
struct stockade_receiver {
    struct channel channel;
};

/* A channel that a call passes, under this name. */
struct passed {
    char *name;
    struct channel *channel;
};

enum whereabouts { NOWHERE, HELD, IN_FLIGHT, PUT_OFF };
enum timed { TIMED_CALL, TIMED_HANDLING, TIMED_PACE };

/* A call that this worker makes. It is *held* while there is no room for it, *in flight* once its message is in the
 * outbox, *put off* when the core has said `busy`; then it is made anew, under its next id. */
struct stockade_pending {
    struct entry entry; /* by its id, in flight */
    struct timer timer;
    struct chain chain;  /* among those held, or put off */
    struct chain nested; /* among those of its parent */
    unsigned holders;    /* whoever asked, and the place where it is */
    stockade_core *core; /* for the worker's part */
    enum whereabouts place;
    bool done;
    stockade_error *error; /* the answer, */
    stockade_owned result; /* or the other */
    int64_t deadline, again;
    bool unlimited, no_wait;
    unsigned tries;
    stockade_handling *parent;
    struct passed *passed;
    size_t passed_count;
    zmq_msg_t *raw; /* its raw arguments: kept, for it may have to be sent again */
    size_t raw_count, raw_size;
    size_t body_size, options_size, options_count;
    unsigned char bytes[]; /* command and arguments, encoded; then pairs of options that do not change */
};

/* A command that this worker answers. */
struct export {
    char *name;
    stockade_handler handler;
    void *user;
    stockade_destroy destroy;
    stockade_export_options options;
    char **arguments; /* a copy of those of the options, or NULL */
};

/* A call that this worker answers. `done` once it is answered, `stopped` why it should not go on, if so. */
struct stockade_handling {
    struct entry entry;
    struct timer timer;
    struct chain chain;  /* among those that no handler runs yet */
    struct chain nested; /* the calls that its handler has made */
    stockade_core *core; /* for the worker's part */
    const struct export *export;
    const char *command, *caller, *trace; /* the command and what is behind it stand behind the struct */
    int64_t deadline;
    bool done;
    stockade_error *stopped;
    stockade_argument *arguments; /* a block with their names; a NULL name behind */
    size_t argument_count;
    struct channel *yield;
    struct channel **channels; /* held: all of them, that of `yield` too */
    size_t channel_count;
    struct frame *frames[FRAMES + 1]; /* what the arguments point into */
    size_t frame_count;
};

/* An event that has come, and waits for its handlers. */
struct arrival {
    struct chain chain;
    struct frame *frame;
    stockade_event event; /* source and trace stand behind the struct, the name in the frame */
};

/* A subscription that has been said to the core, until its answer and as long as somebody listens. */
struct topic {
    struct chain chain;
    char *name;                 /* with its bar or slash */
    struct chain subscriptions; /* in the order in which they began */
    bool answered;
    stockade_error *denied;
};

struct stockade_subscription {
    struct chain chain;
    unsigned holders; /* the topic, the caller, and whoever runs the handler */
    stockade_core *core;
    struct topic *topic; /* NULL once it has ended */
    bool once;
    stockade_listener listener;
    void *user;
    stockade_destroy destroy;
};

/* A subscription that awaits its answer: one topic may have been asked for, dropped, asked again. */
struct asked {
    struct chain chain;
    char *name;
    struct topic *topic; /* NULL: nobody waits for it any more */
};

enum state { BORN, GREETING, OPEN, LEAVING, LEFT };

struct session {
    char *label, *stub, *core_version;
    uint64_t generation;
    enum state state;
    stockade_error *end; /* why the conversation cannot go on, once it is so */
    struct outbox outbox;
    struct timers timers;
    struct buffer message; /* where one is encoded */
    int64_t now;
    stockade_limits limits;
    struct grant commands, listen, emit;
    stockade_grants grants;
    /* calls */
    struct table flight;
    struct chain held, put_off;
    uint64_t last_call, answered, late, tries;
    double tokens; /* the pace: calls that may be made now */
    int64_t paced_at;
    struct timer pace;
    /* channels */
    struct table channels;
    uint64_t opened, last_channel_of_core, own_channels, ignored; /* opened: by this worker, 1, 3, 5 ... */
    /* calls of the core */
    struct table handled;
    struct chain asked_of_us;
    struct export *exports;
    size_t export_count;
    uint64_t last_handled, handled_count;
    /* raw frames of the batch that is being read; those that were taken are NULL */
    struct frame *frames[FRAMES];
    size_t frame_count;
    /* events */
    struct chain topics, asked;
    size_t topic_count, queue, waiting;
    struct chain arrivals;
    uint64_t events, overflowed, last_event, gaps, dropped_to;
    /* living */
    bool stopping, is_ready;
    uint64_t emitted, emits_handled, pings, last_ping, last_pong;
};

/* The conversation cannot go on: for this reason, unless there is one already. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static stockade_status
session_end(struct session *session, stockade_status status, const char *format, ...) {
    char reason[512];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(reason, sizeof reason, format, values);
    va_end(values);
    if (session->end == NULL)
        session->end = error_plain(status, "", size < 0 ? "" : reason);
    return session->end->status;
}

static stockade_status broken(struct session *session, const char *what) {
    return session_end(session, STOCKADE_CORE_BROKEN, "the core broke the protocol: %s", what);
}

static stockade_status exhausted(struct session *session) {
    return session_end(session, STOCKADE_NO_MEMORY, "there is no memory for what the core sends");
}

static bool may_speak(const struct session *session) {
    return session->state == OPEN;
}

/* Begin a message of this verb and so many elements behind it; its number first. Then outbox_put it. */
static struct buffer *say(struct session *session, size_t elements, const char *verb, uint64_t number) {
    struct buffer *message = &session->message;
    buffer_reset(message);
    put_array(message, elements + 1);
    put_text(message, verb);
    put_whole(message, number);
    return message;
}

/* How deep a value may be where so many containers stand around it. */
static size_t room_within(const struct session *session, size_t around) {
    uint64_t depth = session->limits.depth < DEPTH ? session->limits.depth : DEPTH;
    return depth > around ? (size_t)depth - around : 0;
}

/* The longest message, all its frames together. */
static size_t largest(const struct session *session) {
    uint64_t size = session->limits.message < SIZE_MAX ? session->limits.message : SIZE_MAX;
    return size > BATCH_HEAD ? (size_t)size - BATCH_HEAD : 0;
}

/* A frame with these bytes; false: no memory. */
static bool raw_init(zmq_msg_t *raw, stockade_value bytes) {
    if (zmq_msg_init_size(raw, bytes.as.bytes.size) != 0) {
        zmq_msg_init(raw);
        return false;
    }
    memcpy(zmq_msg_data(raw), bytes.as.bytes.data, bytes.as.bytes.size);
    return true;
}

static bool goes_raw(stockade_value value) {
    return value.kind == STOCKADE_BYTES && value.as.bytes.size >= RAW;
}

/* Say a message that carries a value: a result or an item. What cannot be sent is the caller's error, and not sent. */
static stockade_status say_value(struct session *session, const char *verb, uint64_t number, stockade_value value,
                                 stockade_error **error) {
    bool is_raw = goes_raw(value) && session->limits.frames > 0;
    struct buffer *message = say(session, is_raw ? 3 : 2, verb, number);
    const char *fault = put_value(message, is_raw ? stockade_null() : value, room_within(session, 2));
    if (fault != NULL)
        return cannot_say(error, verb, fault);
    size_t size = message->size + (is_raw ? value.as.bytes.size : 0);
    if (size > largest(session))
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_TOO_LARGE,
                                          "%s of %zu bytes, where a message may have %llu: send it in parts",
                                          verb[0] == 'i' ? "an item" : "a result", size,
                                          (unsigned long long)session->limits.message));
    zmq_msg_t *raw = NULL;
    if (is_raw) {
        put_map(message, 1);
        put_text(message, "raw");
        put_whole(message, 1);
        raw = malloc(sizeof *raw);
        if (raw == NULL || !raw_init(raw, value)) {
            free(raw);
            return error_give(error, without_memory());
        }
    }
    outbox_put_raw(&session->outbox, message, raw, is_raw);
    return STOCKADE_OK;
}

/* Say that a call, or a channel, ends with this error. */
static void say_error(struct session *session, const char *verb, uint64_t number, const stockade_error *error) {
    struct buffer *message = say(session, 2, verb, number);
    put_error(message, error);
    if (message->size > largest(session)) { /* its data is the application's, and may be anything */
        stockade_error *bare = error_plain(error->status, error->code, "(what was said of it is too large to be sent)");
        message = say(session, 2, verb, number);
        put_error(message, bare);
        stockade_error_free(bare);
    }
    outbox_put(&session->outbox, message);
}

#endif
