/* worker, the link: what this process was given, and its three sockets (docs/protocol.md, sections 2 and 3). Knows no
 * message. Nothing here waits, but for the secret. */
#ifndef STOCKADE_SRC_LINK_H
#define STOCKADE_SRC_LINK_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "verbs.h"

#define SECRET 64
/* Batches that wait in libzmq for a core that does not read. */
#define COMMANDS_QUEUE 64
/* Emits that wait so. Times the limit of a message this is what a stopped core can make this process hold. */
#define EMITS_QUEUE 256

/* This worker's place: who it is, where its sockets belong, and the descriptor whose end-of-file ends it. */
struct place {
    const char *label, *sockets; /* of the environment */
    uint64_t generation;
    int core_pid; /* 0: not said */
    int lifeline; /* -1: not taken */
    char secret[SECRET + 1];
};

struct link {
    void *context, *commands, *events, *emits;
    int lifeline;
    struct pollfd polled[4]; /* commands, events, emits, lifeline */
};

enum { POLLED_COMMANDS, POLLED_EVENTS, POLLED_EMITS, POLLED_LIFELINE };

/* Tell the operator: what a worker writes to standard error is in the log, with its label. */
static void tell(const char *reason) {
    fprintf(stderr, "stockade: %s\n", reason);
}

static int64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * MILLISECOND + now.tv_nsec;
}

/* -- the place -------------------------------------------------------------------------------------------------------- */

static stockade_error *by_hand(const char *why) {
    return error_of(
        STOCKADE_BY_HAND, "",
        "this program is a Stockade worker: the supervisor that starts it gives it its sockets, and here is "
        "none (%s).\nName it as `run` of a [[worker]] in stockade.toml, and start that with `stockade run`.",
        why);
}

static bool read_decimal(const char *text, uint64_t most, uint64_t *number) {
    *number = 0;
    if (text == NULL || *text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || *number > (most - (uint64_t)(*text - '0')) / 10)
            return false;
        *number = *number * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

static stockade_error *read_environment(struct place *place) {
    static const char *const NAMES[] = {"STOCKADE_SOCKETS", "STOCKADE_PROTOCOL", "STOCKADE_WORKER",
                                        "STOCKADE_GENERATION"};
    for (size_t at = 0; at < sizeof NAMES / sizeof *NAMES; at++) {
        char why[64];
        const char *value = getenv(NAMES[at]);
        snprintf(why, sizeof why, "%s is not set", NAMES[at]);
        if (value == NULL || *value == '\0')
            return by_hand(why);
    }
    const char *protocol = getenv("STOCKADE_PROTOCOL"), *pid = getenv("STOCKADE_CORE_PID");
    uint64_t core_pid = 0;
    if (strcmp(protocol, "1") != 0)
        return error_of(STOCKADE_BY_HAND, "",
                        "the core speaks version %s of the protocol, this library version %d.\nInstall the stub that "
                        "belongs to the runtime.",
                        protocol, STOCKADE_PROTOCOL);
    if (!read_decimal(getenv("STOCKADE_GENERATION"), LARGEST_WHOLE, &place->generation) ||
        (pid != NULL && *pid != '\0' && !read_decimal(pid, INT32_MAX, &core_pid)))
        return by_hand("STOCKADE_GENERATION or STOCKADE_CORE_PID is no number");
    place->label = getenv("STOCKADE_WORKER");
    place->sockets = getenv("STOCKADE_SOCKETS");
    place->core_pid = (int)core_pid;
    return NULL;
}

/* Move standard input out of the way, so that no child inherits the lifeline and nothing reads it by mistake. */
static stockade_error *take_stdin(struct place *place) {
    struct stat status;
    place->lifeline = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (place->lifeline < 0)
        return by_hand("standard input is closed");
    if (fstat(place->lifeline, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
        return by_hand("standard input is no pipe, which would bring the secret"); /* a terminal would never end */
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    return NULL;
}

/* The first line. Byte by byte: what stands behind it, if ever, is not to be taken here. */
static stockade_error *read_secret(struct place *place) {
    for (size_t size = 0; size <= SECRET;) {
        ssize_t got = read(place->lifeline, &place->secret[size], 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_of(STOCKADE_STOPPED, "", "the supervisor has gone before it gave the secret");
        char given = place->secret[size];
        bool is_digit = (given >= '0' && given <= '9') || (given >= 'a' && given <= 'f');
        if (size == SECRET ? given != '\n' : !is_digit)
            return by_hand("the first line of standard input is no secret");
        size++;
    }
    place->secret[SECRET] = '\0';
    return NULL;
}

/* Close this process's memory and descriptors to its siblings of the same user. It must happen here: exec undoes what
 * the supervisor could set. */
static void hide(void) {
#if defined(__linux__)
    const char *debuggable = getenv("STOCKADE_DEBUGGABLE");
    if (debuggable == NULL || strcmp(debuggable, "1") != 0)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* Read the environment and the secret, and keep standard input as the lifeline. NULL, or why not. */
static stockade_error *take_place(struct place *place) {
    place->lifeline = -1;
    stockade_error *error = read_environment(place);
    if (error == NULL) {
        hide();
        error = take_stdin(place);
    }
    if (error == NULL)
        error = read_secret(place);
    if (error != NULL && place->lifeline >= 0)
        close(place->lifeline);
    return error;
}

/* -- the sockets ------------------------------------------------------------------------------------------------------ */

static void *link_bind(struct link *link, int kind, const char *name, const struct place *place, int queue) {
    void *socket = zmq_socket(link->context, kind);
    if (socket == NULL)
        return NULL;
    char user[96], endpoint[160];
    int linger = 0, nodrop = 1;
    int user_size = snprintf(user, sizeof user, "%s@%llu", place->label, (unsigned long long)place->generation);
    int size = snprintf(endpoint, sizeof endpoint, "%s/%s", place->sockets, name);
    bool fits = user_size > 0 && (size_t)user_size < sizeof user && size > 0 && (size_t)size < sizeof endpoint;
    int failed = zmq_setsockopt(socket, ZMQ_PLAIN_USERNAME, user, strlen(user)) |
                 zmq_setsockopt(socket, ZMQ_PLAIN_PASSWORD, place->secret, SECRET) |
                 zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (queue > 0)
        failed |= zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
    if (kind == ZMQ_XPUB)
        failed |= zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &nodrop, sizeof nodrop);
#if defined(ZMQ_IPC_FILTER_PID)
    if (place->core_pid > 0)
        failed |= zmq_setsockopt(socket, ZMQ_IPC_FILTER_PID, &place->core_pid, sizeof place->core_pid);
#endif
    if (!fits || failed != 0 || zmq_bind(socket, endpoint) != 0) {
        int why = fits ? errno : ENAMETOOLONG;
        zmq_close(socket);
        errno = why;
        return NULL;
    }
    return socket;
}

static void polled_init(struct pollfd *polled, void *socket) {
    int descriptor = -1;
    size_t size = sizeof descriptor;
    zmq_getsockopt(socket, ZMQ_FD, &descriptor, &size);
    polled->fd = descriptor;
    polled->events = POLLIN;
}

/* Close all three. What has not been sent by now is lost: leave first. Doing so again does nothing. */
static void link_close(struct link *link) {
    void *sockets[] = {link->commands, link->events, link->emits};
    for (size_t at = 0; at < 3; at++) {
        if (sockets[at] != NULL)
            zmq_close(sockets[at]);
    }
    if (link->context != NULL)
        zmq_ctx_term(link->context);
    if (link->lifeline >= 0)
        close(link->lifeline);
    memset(link, 0, sizeof *link);
    link->lifeline = -1;
}

/* Bind all three. NULL, or why not. */
static stockade_error *link_init(struct link *link, const struct place *place) {
    memset(link, 0, sizeof *link);
    link->lifeline = place->lifeline;
    link->context = zmq_ctx_new();
    if (link->context != NULL)
        link->commands = link_bind(link, ZMQ_DEALER, "commands", place, COMMANDS_QUEUE);
    if (link->commands != NULL)
        link->events = link_bind(link, ZMQ_SUB, "events", place, 0);
    if (link->events != NULL)
        link->emits = link_bind(link, ZMQ_XPUB, "emits", place, EMITS_QUEUE);
    if (link->emits == NULL) {
        stockade_error *error = error_of(STOCKADE_BY_HAND, "", "the sockets of this worker cannot be bound in %s: %s",
                                         place->sockets, zmq_strerror(zmq_errno()));
        link_close(link);
        return error;
    }
    polled_init(&link->polled[POLLED_COMMANDS], link->commands);
    polled_init(&link->polled[POLLED_EVENTS], link->events);
    polled_init(&link->polled[POLLED_EMITS], link->emits);
    link->polled[POLLED_LIFELINE].fd = link->lifeline;
    link->polled[POLLED_LIFELINE].events = POLLIN;
    return NULL;
}

/* Whether the lifeline, which is readable, has ended. */
static bool link_lifeline_ended(const struct link *link) {
    char rest[256];
    ssize_t got = read(link->lifeline, rest, sizeof rest);
    return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

/* Send a batch and its raw frames, without waiting; false if there is no room. Where there is room for the first frame
 * there is for the rest. */
static bool link_send(struct link *link, const void *data, size_t size, zmq_msg_t *raw, size_t raw_count) {
    if (zmq_send(link->commands, data, size, ZMQ_DONTWAIT | (raw_count > 0 ? ZMQ_SNDMORE : 0)) < 0)
        return false;
    for (size_t at = 0; at < raw_count; at++) {
        int more = at + 1 < raw_count ? ZMQ_SNDMORE : 0;
        zmq_msg_send(&raw[at], link->commands, ZMQ_DONTWAIT | more);
    }
    return true;
}

#endif
