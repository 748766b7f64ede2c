/* stockade.h - what a C worker of a Stockade application includes: the whole public interface.
 *
 * A worker is started by `stockade run`. It connects, calls commands of the core, listens to events, emits some, and
 * answers commands itself:
 *
 *     #include <stockade.h>
 *
 *     int main(void) {
 *         stockade_core *core = NULL;
 *         stockade_owned note = {0};
 *         stockade_status status = stockade_connect(&core, NULL, NULL);
 *         if (status == STOCKADE_OK)
 *             status = stockade_invoke(core, "notes.read", STOCKADE_ARGS({"name", stockade_text("todo")}), NULL, &note,
 *                                      NULL);
 *         stockade_release(&note);
 *         stockade_free(core);
 *         return stockade_exit_status(status);
 *     }
 *
 * Rules that hold everywhere, and are not repeated below:
 *
 *  - Threads. A connection, and all that was made from it, belongs to the thread that connected. Elsewhere each function
 *    that can fail says STOCKADE_MISUSE and touches nothing. There are no globals, and nothing here calls abort, longjmp
 *    or a signal handler.
 *  - Failure. What can fail returns a stockade_status. `error`, where there is one, may be NULL; else, if the status is
 *    neither STOCKADE_OK nor STOCKADE_DONE, *error is set to a new error, which the caller frees (stockade_error_free);
 *    in the other cases it is not touched. Results (`result`, `item`, `pending`, ...) are written with STOCKADE_OK alone.
 *  - The end. A status of STOCKADE_STOPPED and above is the end of the conversation, and should be the end of the
 *    process, with stockade_exit_status(status). Why is said on standard error, once. Every later call on the connection
 *    says the same.
 *  - Memory. A stockade_value is a view and owns nothing. What a `_new`, `_connect`, `_call`, `_stream` or `_listen`
 *    hands out the caller frees with the function named there, in any order, also after the connection was freed; every
 *    such function takes NULL. What the caller passes in is copied before the function returns, unless it says
 *    otherwise.
 *  - Text is UTF-8. `const char *` parameters end with NUL; text in values has a size, and no NUL behind it.
 *  - Times are milliseconds, of a clock that never goes back.
 *  - Handlers (of events and of calls) run inside stockade_run and stockade_poll alone, one at a time, never inside a
 *    call. They may call, emit, listen and stream; they may not call stockade_run, _poll, _close or _free.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STOCKADE_H
#define STOCKADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define STOCKADE_API __attribute__((visibility("default")))
#define STOCKADE_CHECKED __attribute__((warn_unused_result))
#else
#define STOCKADE_API
#define STOCKADE_CHECKED
#endif

#define STOCKADE_VERSION "0.1.0"
/* The version of the protocol that is spoken here. */
#define STOCKADE_PROTOCOL 1

/* This library's version, STOCKADE_VERSION when it was compiled. */
STOCKADE_API const char *stockade_version(void);

typedef struct stockade_core stockade_core;         /* the connection to the core */
typedef struct stockade_error stockade_error;       /* why something failed */
typedef struct stockade_pending stockade_pending;   /* a call that has begun */
typedef struct stockade_sender stockade_sender;     /* the end of a channel that sends */
typedef struct stockade_receiver stockade_receiver; /* the end of a channel, or of a stream, that receives */
typedef struct stockade_subscription stockade_subscription;
typedef struct stockade_handling stockade_handling; /* a call that this worker is answering */
typedef struct stockade_writer stockade_writer;     /* builds arrays and maps */

/* ---- statuses and errors --------------------------------------------------------------------------------------- */

typedef enum stockade_status {
    STOCKADE_OK = 0,
    STOCKADE_DONE = 1,        /* a stream or channel has ended well: there is no item */
    STOCKADE_COMMAND = 2,     /* the answer is an error: it has a code, a message and maybe data */
    STOCKADE_UNENCODABLE = 3, /* a value that the protocol cannot say; nothing was sent */
    STOCKADE_MISUSE = 4,      /* this worker's bug: the wrong thread, moment or name; nothing was sent */
    STOCKADE_NO_MEMORY = 5,   /* nothing was sent */
    STOCKADE_CLOSED = 6,      /* this worker has closed the connection */
    STOCKADE_FAILED = 7,      /* for handlers to return: something of their own */
    /* The end of the conversation. */
    STOCKADE_STOPPED = 16,     /* the lifeline has ended: stop now, or the supervisor has gone; exit status 0 */
    STOCKADE_LOST = 17,        /* the core has gone; 1 */
    STOCKADE_REFUSED = 18,     /* the core did not accept the hello; 1 */
    STOCKADE_BREACHED = 19,    /* the core says that this worker broke the protocol; 1 */
    STOCKADE_BY_HAND = 20,     /* no supervisor started this process; 2 */
    STOCKADE_CORE_BROKEN = 21, /* the core broke the protocol; 70 */
} stockade_status;

/* Whether the conversation is over, by somebody else's doing. */
static inline bool stockade_is_end(stockade_status status) {
    return status >= STOCKADE_STOPPED;
}

/* What the process should exit with: as above for an end, 0 for STOCKADE_OK, STOCKADE_DONE and STOCKADE_CLOSED, else 1. */
STOCKADE_API int stockade_exit_status(stockade_status status);

/* A word or two for people: "the core has gone". Static. */
STOCKADE_API const char *stockade_status_text(stockade_status status);

/* The protocol's codes of errors (docs/protocol.md, section 5). An application's own contain a dot. */
#define STOCKADE_CODE_NOT_ALLOWED "not_allowed"
#define STOCKADE_CODE_NOT_FOUND "not_found"
#define STOCKADE_CODE_INVALID_ARGS "invalid_args"
#define STOCKADE_CODE_FAILED "failed"
#define STOCKADE_CODE_CANCELLED "cancelled"
#define STOCKADE_CODE_DEADLINE_EXCEEDED "deadline_exceeded"
#define STOCKADE_CODE_BUSY "busy"
#define STOCKADE_CODE_UNAVAILABLE "unavailable"
#define STOCKADE_CODE_TOO_LARGE "too_large"
#define STOCKADE_CODE_BAD_MESSAGE "bad_message"
#define STOCKADE_CODE_INTERNAL "internal"

/* ---- values ---------------------------------------------------------------------------------------------------- */

typedef enum stockade_kind {
    STOCKADE_MISSING = 0, /* no value at all: a key that is not there. To be sent it is null, and as an argument it is
                             left out, which means its default */
    STOCKADE_NULL,
    STOCKADE_BOOL,
    STOCKADE_INT,
    STOCKADE_FLOAT,
    STOCKADE_TEXT,
    STOCKADE_BYTES,
    STOCKADE_ARRAY,
    STOCKADE_MAP,
    STOCKADE_SENDER,  /* an end of a channel: as an argument alone */
    STOCKADE_RECEIVER /* likewise */
} stockade_kind;

/* A value, to send or as it came: 32 bytes, passed by value. It owns nothing: text, bytes, arrays and maps point into
 * memory of somebody else, who is named where the value comes from. Look at `kind` first; read `as` of that kind. */
typedef struct stockade_value {
    stockade_kind kind;
    union {
        int64_t integer;
        double real;
        bool boolean;
        struct {
            const char *data;
            size_t size;
        } text;
        struct {
            const unsigned char *data;
            size_t size;
        } bytes;
        struct {
            const unsigned char *data; /* one CBOR item of the strict profile, checked */
            size_t size;               /* its bytes */
            size_t count;              /* items of an array, pairs of a map */
        } items;
        stockade_sender *sender;
        stockade_receiver *receiver;
    } as;
} stockade_value;

/* Values to send. What a pointer points to must live until the function that gets the value has returned. */

static inline stockade_value stockade_null(void) {
    stockade_value value = {STOCKADE_NULL, {0}};
    return value;
}
static inline stockade_value stockade_bool(bool boolean) {
    stockade_value value = {STOCKADE_BOOL, {0}};
    value.as.boolean = boolean;
    return value;
}
static inline stockade_value stockade_int(int64_t integer) {
    stockade_value value = {STOCKADE_INT, {0}};
    value.as.integer = integer;
    return value;
}
static inline stockade_value stockade_float(double real) {
    stockade_value value = {STOCKADE_FLOAT, {0}};
    value.as.real = real;
    return value;
}
/* UTF-8, which is checked when it is sent. */
static inline stockade_value stockade_text_n(const char *data, size_t size) {
    stockade_value value = {STOCKADE_TEXT, {0}};
    value.as.text.data = data;
    value.as.text.size = size;
    return value;
}
/* NULL is null. */
static inline stockade_value stockade_text(const char *text) {
    return text == NULL ? stockade_null() : stockade_text_n(text, strlen(text));
}
static inline stockade_value stockade_bytes(const void *data, size_t size) {
    stockade_value value = {STOCKADE_BYTES, {0}};
    value.as.bytes.data = (const unsigned char *)data;
    value.as.bytes.size = size;
    return value;
}
/* A channel, as an argument of one call. */
static inline stockade_value stockade_sending(stockade_sender *sender) {
    stockade_value value = {STOCKADE_SENDER, {0}};
    value.as.sender = sender;
    return value;
}
static inline stockade_value stockade_receiving(stockade_receiver *receiver) {
    stockade_value value = {STOCKADE_RECEIVER, {0}};
    value.as.receiver = receiver;
    return value;
}

/* Reading. Those that say false leave *out alone. */

STOCKADE_API bool stockade_as_bool(stockade_value value, bool *out);
STOCKADE_API bool stockade_as_int(stockade_value value, int64_t *out);
/* A float, or an integer as the nearest one. */
STOCKADE_API bool stockade_as_float(stockade_value value, double *out);
/* Whether it is text, and this text. */
STOCKADE_API bool stockade_is_text(stockade_value value, const char *text);
/* The text with a NUL behind it, to be freed with free(). NULL: it is no text, has a NUL within, or no memory. */
STOCKADE_API char *stockade_text_copy(stockade_value value);
/* How many items an array has, or pairs a map; 0 for all else. */
STOCKADE_API size_t stockade_count(stockade_value value);
/* What a map has under a key: STOCKADE_MISSING if it has none, or `map` is no map. Looks at one key after the other. */
STOCKADE_API stockade_value stockade_get(stockade_value map, const char *key);
STOCKADE_API stockade_value stockade_get_n(stockade_value map, const char *key, size_t size);

/* The items of an array, or the pairs of a map, in their order:
 *
 *     stockade_iterator each = stockade_iterate(rows);
 *     stockade_value key, item;
 *     while (stockade_next(&each, &key, &item)) ...
 *
 * `key` may be NULL; it is STOCKADE_MISSING for an array. Of all else there are none. It lives as long as the value. */
typedef struct stockade_iterator {
    const unsigned char *at;
    const unsigned char *end;
    size_t left;
    bool pairs;
} stockade_iterator;
STOCKADE_API stockade_iterator stockade_iterate(stockade_value value);
STOCKADE_API bool stockade_next(stockade_iterator *iterator, stockade_value *key, stockade_value *item);

/* A value together with the memory that it points into: a result, an item. Begin with {0}; the functions that fill one
 * in write over it (release it first). stockade_release gives the memory back and leaves {0}; it may be called again. A
 * plain copy of the struct is the same owner: release one of the two. */
typedef struct stockade_owned {
    stockade_value value;
    void *memory;
} stockade_owned;
STOCKADE_API void stockade_release(stockade_owned *owned);

/* Building arrays and maps. A writer is a buffer; failures are kept, and said by stockade_writer_value:
 *
 *     stockade_writer *writer = stockade_writer_new();
 *     stockade_open_map(writer);
 *     stockade_put_pair(writer, "name", stockade_text("todo"));
 *     stockade_put_key(writer, "tags");
 *     stockade_open_array(writer);
 *     stockade_put(writer, stockade_int(1));
 *     stockade_shut(writer);
 *     stockade_shut(writer);
 *     stockade_value note;
 *     if (stockade_writer_value(writer, &note, &error) == STOCKADE_OK) ...
 *
 * It belongs to no connection. NULL is a writer without memory: everything may be called with it. */
STOCKADE_API stockade_writer *stockade_writer_new(void);
STOCKADE_API void stockade_writer_free(stockade_writer *writer);
/* Empty again, to be used anew; its memory is kept. */
STOCKADE_API void stockade_writer_reset(stockade_writer *writer);
/* One value, copied: whole arrays and maps too, as they came or another writer built them. */
STOCKADE_API void stockade_put(stockade_writer *writer, stockade_value value);
/* The key of the pair whose value comes next. */
STOCKADE_API void stockade_put_key(stockade_writer *writer, const char *key);
STOCKADE_API void stockade_put_key_n(stockade_writer *writer, const char *key, size_t size);
STOCKADE_API void stockade_put_pair(stockade_writer *writer, const char *key, stockade_value value);
STOCKADE_API void stockade_open_array(stockade_writer *writer);
STOCKADE_API void stockade_open_map(stockade_writer *writer);
/* The end of the array or map that was opened last. */
STOCKADE_API void stockade_shut(stockade_writer *writer);
/* The one value that was built: it lives until the writer is used again, or freed. STOCKADE_UNENCODABLE: a value that
 * cannot be said (text that is no UTF-8, a key twice, more than 32 containers deep, a channel); STOCKADE_MISUSE: none or
 * several values, a container that is open, a key where none may stand, or none where one must. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_writer_value(stockade_writer *writer, stockade_value *value,
                                                                    stockade_error **error);
/* The same as its encoded bytes (CBOR), which live as long. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_writer_encoded(stockade_writer *writer,
                                                                      const unsigned char **data, size_t *size,
                                                                      stockade_error **error);
/* One encoded item of the strict profile (docs/protocol.md, section 4), checked whole; the value points into `data`.
 * STOCKADE_UNENCODABLE if the bytes are anything else. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_decode(const void *data, size_t size, stockade_value *value,
                                                              stockade_error **error);

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* An error of your own, with which a handler answers or a channel ends: STOCKADE_COMMAND. `code` is one of the
 * protocol's, or your own, with a dot; `data` is copied, and may be STOCKADE_MISSING. NULL: no memory, or data that
 * cannot be said. */
STOCKADE_API stockade_error *stockade_error_new(const char *code, const char *message, stockade_value data);
STOCKADE_API void stockade_error_free(stockade_error *error);
STOCKADE_API stockade_status stockade_error_status(const stockade_error *error);
/* The code of a STOCKADE_COMMAND; "" of all else. This and what follows lives as long as the error. */
STOCKADE_API const char *stockade_error_code(const stockade_error *error);
/* For people. Never NULL. */
STOCKADE_API const char *stockade_error_message(const stockade_error *error);
/* For programs: STOCKADE_MISSING if there is none. */
STOCKADE_API stockade_value stockade_error_data(const stockade_error *error);
/* Whether it is an answer of this code. NULL is not. */
STOCKADE_API bool stockade_error_is(const stockade_error *error, const char *code);

/* ---- the connection -------------------------------------------------------------------------------------------- */

typedef struct stockade_connect_options {
    /* Events that wait for stockade_run or _poll; those above are counted as missed. 0: 1024. */
    size_t queue;
    /* Microseconds to look for an answer before sleeping: faster calls, at the cost of a CPU while they wait. 0: none. */
    int64_t spin_us;
    /* At the end of the lifeline the process exits by itself, with exit(0), wherever it waits then. If this is set, what
     * waits returns STOCKADE_STOPPED instead, and the program must end at once by itself. */
    bool returns_when_stopped;
    /* What `hello` says of this stub, "c/0.1.0" if NULL: for bindings that are built upon this one. */
    const char *stub;
} stockade_connect_options;

/* Connect this worker to its core, once per process, before anything reads standard input: it becomes /dev/null. Returns
 * when the core has welcomed the worker. `options` may be NULL. The caller frees *core with stockade_free.
 *
 * STOCKADE_BY_HAND if no supervisor started this process, STOCKADE_REFUSED if the core will not have it. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_connect(stockade_core **core,
                                                               const stockade_connect_options *options,
                                                               stockade_error **error);
/* Take leave: the core handles all that was emitted, answers or cancels what is in flight, and only then the sockets
 * close. Takes two seconds at most. Doing so again does nothing. */
STOCKADE_API stockade_status stockade_close(stockade_core *core, stockade_error **error);
/* Take leave if that has not been done, and free it. Children of it (calls, channels, subscriptions) may be freed before
 * or after; then they say STOCKADE_CLOSED. The destroy functions of its handlers are called. */
STOCKADE_API void stockade_free(stockade_core *core);

/* Say, once, that this worker has set up what it needs, and what it exports. stockade_run does it if nobody has. */
STOCKADE_API stockade_status stockade_ready(stockade_core *core, stockade_error **error);
/* Handle events and calls until the core asks this worker to stop: STOCKADE_OK. What still waits then is not handled.
 * What the handler of an event returns, if not STOCKADE_OK, comes out of here. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_run(stockade_core *core, stockade_error **error);
/* Handle the events and calls that are there; wait up to `timeout` (-1: for ever) for the first. *handled, if not NULL,
 * is how many there were: maybe none, as when the core asks this worker to stop. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_poll(stockade_core *core, int64_t timeout, size_t *handled,
                                                            stockade_error **error);
/* Ask whether the core is there. *nanoseconds, if not NULL, is how long its answer took. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_ping(stockade_core *core, int64_t *nanoseconds,
                                                            stockade_error **error);

/* What the core takes. 0 in `deadline` and `rate`: no such limit. */
typedef struct stockade_limits {
    uint64_t message;  /* bytes of a message, all frames together */
    uint64_t event;    /* bytes of an emit's frame */
    uint64_t batch;    /* messages of a batch */
    uint64_t calls;    /* calls in flight */
    uint64_t topics;   /* subscriptions */
    uint64_t depth;    /* containers within each other */
    uint64_t channels; /* channels that this worker has opened */
    uint64_t frames;   /* raw frames behind a batch */
    uint64_t deadline; /* milliseconds that a call has unless it says otherwise */
    double rate;       /* calls per second */
    bool has_deadline;
    bool has_rate;
} stockade_limits;

/* Patterns over whole segments (docs/protocol.md, section 8). */
typedef struct stockade_grant {
    const char *const *allow;
    size_t allow_count;
    const char *const *deny;
    size_t deny_count;
} stockade_grant;
typedef struct stockade_grants {
    stockade_grant commands, listen, emit;
} stockade_grants;

/* Counts until now. */
typedef struct stockade_statistics {
    uint64_t calls;    /* calls that were sent, tries counted */
    uint64_t answered; /* answers that came */
    uint64_t late;     /* of these, those that nobody waited for any more */
    uint64_t tries;    /* calls that were made again, since the core was busy */
    uint64_t pending;  /* calls in flight */
    uint64_t handled;  /* calls that came */
    uint64_t channels; /* channels that are open */
    uint64_t batches;  /* batches that were sent */
    uint64_t emitted;  /* events that were emitted */
    uint64_t events;   /* events that came */
    uint64_t waiting;  /* of these, those that wait for their handlers */
    uint64_t missed;   /* events that no handler will see */
    uint64_t pings;    /* pings that were answered */
} stockade_statistics;

/* What these point to lives as long as the connection object, also when it has been closed. */
STOCKADE_API const char *stockade_worker(const stockade_core *core);       /* this worker's label */
STOCKADE_API uint64_t stockade_generation(const stockade_core *core);      /* which start of it, from 1 */
STOCKADE_API const char *stockade_core_version(const stockade_core *core); /* what `welcome` says of the core */
STOCKADE_API const stockade_limits *stockade_limits_of(const stockade_core *core);
STOCKADE_API const stockade_grants *stockade_grants_of(const stockade_core *core);
/* Whether the grants allow it; a name to listen to may be a prefix, which ends in "/". */
STOCKADE_API bool stockade_may_call(const stockade_core *core, const char *command);
STOCKADE_API bool stockade_may_listen(const stockade_core *core, const char *name);
STOCKADE_API bool stockade_may_emit(const stockade_core *core, const char *event);
/* Whether the core asks this worker to finish, or the conversation is over. Looks at the sockets, so a long computation
 * may ask now and then. */
STOCKADE_API bool stockade_stopping(stockade_core *core);
/* Events meant for this worker that no handler will see: the core had to drop them, or the queue was full. */
STOCKADE_API uint64_t stockade_missed(const stockade_core *core);
STOCKADE_API stockade_statistics stockade_statistics_of(const stockade_core *core);

/* ---- calls ----------------------------------------------------------------------------------------------------- */

/* An argument, by name. A list of them ends with a NULL name; NULL is an empty list. */
typedef struct stockade_argument {
    const char *name;
    stockade_value value;
} stockade_argument;

/* A list of arguments, in place: STOCKADE_ARGS({"name", stockade_text("todo")}, {"size", stockade_int(3)}). */
#define STOCKADE_ARGS(...)                                                                                             \
    (const stockade_argument[]) {                                                                                      \
        __VA_ARGS__, {                                                                                                 \
            NULL, {                                                                                                    \
                STOCKADE_MISSING, {                                                                                    \
                    0                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

#define STOCKADE_FOREVER ((int64_t)-1)

/* How to call. NULL, or {0}, is the usual way. */
typedef struct stockade_options {
    /* Milliseconds until the call is cancelled and fails as `deadline_exceeded`. 0: what the core says,
     * limits.deadline; STOCKADE_FOREVER: as long as it takes. */
    int64_t timeout;
    /* While the core is busy a call is tried again by itself, as long as it has time. If this is set it fails as `busy`
     * at once. */
    bool no_wait;
    /* The command may be run twice, should the worker that runs it die. */
    bool idempotent;
    /* A W3C traceparent; NULL: that of what is being handled, if any. */
    const char *trace;
    /* Of stockade_stream: items that the command may be ahead. 0: 64. */
    uint64_t credit;
} stockade_options;

/* Run a command and wait for its result, which the caller releases; `result` may be NULL.
 *
 * STOCKADE_COMMAND: the core's answer is an error, or this stub knows that it would be (not_allowed, too_large, busy),
 * and has sent nothing. Bytes of 16 KiB and more go without being encoded. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_invoke(stockade_core *core, const char *command,
                                                              const stockade_argument *arguments,
                                                              const stockade_options *options, stockade_owned *result,
                                                              stockade_error **error);
/* Begin a call, and go on. Fails as stockade_invoke does before sending; waits only where as many calls are in flight
 * as may be. Calls are sent together, when many have gathered or something waits. The caller frees *pending. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_call(stockade_core *core, const char *command,
                                                            const stockade_argument *arguments,
                                                            const stockade_options *options, stockade_pending **pending,
                                                            stockade_error **error);
/* Wait for the answer: stockade_invoke's. It may be asked again: each result is released by itself. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_pending_result(stockade_pending *pending, stockade_owned *result,
                                                                      stockade_error **error);
/* Whether the answer is there. Sends what has gathered, and reads without waiting. */
STOCKADE_API bool stockade_pending_done(stockade_pending *pending);
/* Nobody wants the answer any more: the core stops the command, and the answer is `cancelled`. False if there is an
 * answer already. */
STOCKADE_API bool stockade_pending_cancel(stockade_pending *pending);
/* Free it; a call without an answer is cancelled. */
STOCKADE_API void stockade_pending_free(stockade_pending *pending);

/* ---- streams and channels -------------------------------------------------------------------------------------- */

/* Run a command that yields, and receive what it does with stockade_receive. The caller frees *stream; that, or
 * stockade_drop, before its end closes the command. `options->timeout` is the time of the whole stream. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_stream(stockade_core *core, const char *command,
                                                              const stockade_argument *arguments,
                                                              const stockade_options *options,
                                                              stockade_receiver **stream, stockade_error **error);

/* An end to receive from, to be passed to one call (stockade_receiving). `credit`: items that the sender may be ahead,
 * 0: 64. The caller frees it. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_receive_channel(stockade_core *core, uint64_t credit,
                                                                       stockade_receiver **receiver,
                                                                       stockade_error **error);
/* Wait for the next item, which the caller releases. STOCKADE_DONE: the sender has ended, and all has been received.
 * STOCKADE_COMMAND: what the sender, or the call, ended with. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_receive(stockade_receiver *receiver, stockade_owned *item,
                                                               stockade_error **error);
/* Nothing more is wanted: the sender is told, what has come is forgotten. Doing so again does nothing. */
STOCKADE_API void stockade_drop(stockade_receiver *receiver);
/* Drop it if it has not ended, and free it. */
STOCKADE_API void stockade_receiver_free(stockade_receiver *receiver);

/* An end to send on, to be passed to one call (stockade_sending). The caller frees it. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_send_channel(stockade_core *core, stockade_sender **sender,
                                                                    stockade_error **error);
/* Send an item; waits while the receiver takes no more. STOCKADE_COMMAND: the receiver wants no more (`cancelled`, and
 * stockade_sender_dropped says so), the call that it was passed to has failed, or the item is too large. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_send(stockade_sender *sender, stockade_value item,
                                                            stockade_error **error);
/* Whether the receiver has dropped it. */
STOCKADE_API bool stockade_sender_dropped(const stockade_sender *sender);
/* Nothing more will be sent. Doing so again does nothing. */
STOCKADE_API stockade_status stockade_end(stockade_sender *sender, stockade_error **error);
/* Nothing more will be sent, and that was not all: the receiver gets `why`, which stays the caller's. */
STOCKADE_API stockade_status stockade_fail(stockade_sender *sender, const stockade_error *why, stockade_error **error);
/* Free it. One that has not been ended ends with the error `failed`. */
STOCKADE_API void stockade_sender_free(stockade_sender *sender);

/* ---- events ---------------------------------------------------------------------------------------------------- */

/* All of it lives until the handler returns. */
typedef struct stockade_event {
    const char *name;
    const char *source; /* the label of the worker that emitted it, or "core" */
    stockade_value payload;
    uint64_t seq; /* numbers the events meant for this worker: a gap is what it has missed */
    const char
        *trace; /* the W3C traceparent that it came with, or NULL; calls and emits of the handler go on with it */
} stockade_event;

/* Called with each event. What is not STOCKADE_OK comes out of stockade_run or _poll; the other handlers of the same
 * event do not run then. */
typedef stockade_status (*stockade_listener)(const stockade_event *event, void *user);
/* Called once with `user`, when nobody can call the handler any more; may be NULL. */
typedef void (*stockade_destroy)(void *user);

/* Call `listener` for each event of this name, or, if it ends in "/", of a name that begins so. Returns when the core
 * has answered: from then on nothing is missed uncounted. `user` is taken in every case: if this fails, `destroy` has
 * been called. `subscription` may be NULL: then it lasts as long as the connection; else the caller ends it by
 * stockade_unlisten. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_listen(stockade_core *core, const char *name,
                                                              stockade_listener listener, void *user,
                                                              stockade_destroy destroy,
                                                              stockade_subscription **subscription,
                                                              stockade_error **error);
/* The same for one event: then it ends by itself. The subscription, if asked for, is to be given back all the same. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_once(stockade_core *core, const char *name,
                                                            stockade_listener listener, void *user,
                                                            stockade_destroy destroy,
                                                            stockade_subscription **subscription,
                                                            stockade_error **error);
/* End it, and free it. Its handler is called no more, not even for events that have come and wait. It may be called
 * inside the handler itself; `user` is destroyed when that has returned. */
STOCKADE_API void stockade_unlisten(stockade_subscription *subscription);

typedef struct stockade_emit_options {
    const char *to;    /* the one worker that gets it; NULL: all who listen */
    const char *trace; /* a W3C traceparent; NULL: that of what is being handled, if any */
} stockade_emit_options;

/* Emit an event. It has no answer: who needs to know invokes a command. Waits only if the core does not read.
 * `options` may be NULL. STOCKADE_COMMAND: not_allowed, too_large; STOCKADE_MISUSE: no event's name. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_emit(stockade_core *core, const char *event,
                                                            stockade_value payload,
                                                            const stockade_emit_options *options,
                                                            stockade_error **error);

/* ---- answering ------------------------------------------------------------------------------------------------- */

/* Answers one call. It says stockade_answer or stockade_answer_error once, or returns STOCKADE_OK without: null. A
 * status that is not STOCKADE_OK, without an answer before it, is answered `failed`, with a line on standard error.
 * (One of stockade_is_end comes out of stockade_run or _poll too.) */
typedef stockade_status (*stockade_handler)(stockade_handling *handling, void *user);

typedef struct stockade_export_options {
    unsigned concurrency; /* calls that the core sends ahead; they are run one at a time. 0: 1 */
    bool idempotent;      /* it may be run twice, should this worker die */
    bool streams;         /* it yields: stockade_yield */
    /* The names of its arguments, and a NULL behind; one that ends in "?" may be missing. A call that has others, or
     * lacks one, is answered `invalid_args` and does not run. Copied. NULL: the handler takes whatever comes. */
    const char *const *arguments;
} stockade_export_options;

/* Answer a command, before stockade_ready or _run. `user` as with stockade_listen; it is destroyed with the connection.
 * `options` may be NULL. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_export(stockade_core *core, const char *command,
                                                              stockade_handler handler, void *user,
                                                              stockade_destroy destroy,
                                                              const stockade_export_options *options,
                                                              stockade_error **error);

/* A handling, and all that it gives out, lives until the handler returns. Calls and emits that the handler makes belong
 * to it by themselves: they end with it, have no more time than it has, and go on with its trace. */
STOCKADE_API stockade_core *stockade_handling_core(const stockade_handling *handling);
STOCKADE_API const char *stockade_handling_command(const stockade_handling *handling);
/* The label of the worker that asks, or "core". */
STOCKADE_API const char *stockade_handling_caller(const stockade_handling *handling);
/* The W3C traceparent that it came with, or NULL. */
STOCKADE_API const char *stockade_handling_trace(const stockade_handling *handling);
/* Milliseconds that are left, 0 at the least; -1: all the time. */
STOCKADE_API int64_t stockade_handling_deadline(const stockade_handling *handling);
/* Whether nobody waits for it any more: its time is over, or its caller has gone. Looks at the sockets. */
STOCKADE_API bool stockade_handling_cancelled(stockade_handling *handling);
/* The same for long computations: STOCKADE_COMMAND, with the reason, if it should not go on; to be returned. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_handling_check(stockade_handling *handling,
                                                                      stockade_error **error);
/* An argument: STOCKADE_MISSING if there is none of this name. A channel is STOCKADE_SENDER (this side sends) or
 * STOCKADE_RECEIVER, for stockade_send, _receive and so on; it is not the handler's to free. When the handler has
 * returned, a sender that was not ended is ended well, and a receiver is dropped. */
STOCKADE_API stockade_value stockade_handling_argument(const stockade_handling *handling, const char *name);
/* All of them, channels too (but that of stockade_yield): a list of *count, and a NULL name behind. */
STOCKADE_API const stockade_argument *stockade_handling_arguments(const stockade_handling *handling, size_t *count);

/* The result; encoded at once. STOCKADE_UNENCODABLE, or STOCKADE_COMMAND with too_large: the caller got an error. */
STOCKADE_API stockade_status stockade_answer(stockade_handling *handling, stockade_value result,
                                             stockade_error **error);
/* An error as the answer. Returns STOCKADE_OK, for the handler to return. */
STOCKADE_API stockade_status stockade_answer_error(stockade_handling *handling, const char *code, const char *message,
                                                   stockade_value data);
/* The same with an error that something else ended with; what is no STOCKADE_COMMAND is answered `failed`. `why` stays
 * the caller's. */
STOCKADE_API stockade_status stockade_answer_with(stockade_handling *handling, const stockade_error *why);
/* The next item of an export that streams; waits while the caller takes no more. STOCKADE_DONE: nobody wants the rest;
 * clean up and return STOCKADE_OK. STOCKADE_COMMAND: the call has been cancelled, its time is over. */
STOCKADE_API STOCKADE_CHECKED stockade_status stockade_yield(stockade_handling *handling, stockade_value item,
                                                             stockade_error **error);

#ifdef __cplusplus
}
#endif

#endif /* STOCKADE_H */
