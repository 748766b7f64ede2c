/* A load process: it plays many workers over libzmq, in one thread, with the real protocol. `load SIDE HOST COUNT`.
 *
 * COUNT workers (worker.c) hand themselves over at the socket HOST. Then it obeys:
 *
 *   SIDE call COMMAND COUNT FLIGHT   so many calls by all workers together, each with so many in flight
 *   SIDE listen                      each worker listens to bench/tick
 *   SIDE events COUNT TIMES          have so many events emitted, until each worker has all; so many times
 *   SIDE flood COMMAND               call without end, whatever is answered, until the next order comes
 *
 * `load SIDE HOST COUNT listen` plays no worker: its COUNT sockets SUB, and one DEALER that asks for events, are bound
 * as HOST.0, HOST.1, ... and HOST.ask for a floor to connect to (xpubs.c, xpubs.py); it obeys `events` alone. With
 * `call` instead, the sockets are DEALERs, whose frames a floor gives back (answer.c), and it obeys `call` alone.
 */
#define _GNU_SOURCE
#include "zmq.h"
#include "orders.h"
#include "workers.h"
#include <sys/stat.h>

/* BATCH: calls in one frame at most, as many as the stubs send; PATIENCE in milliseconds. */
enum { MOST = 256, ENOUGH = 1 << 20, BATCH = 64, DRAIN = 64, PATIENCE = 10000 };

static struct player {
    void *sockets[SOCKETS];
    uint64_t last_id;
    long in_flight, to_make, events;
    int welcomed, heard, listening;
} players[MOST];
static int count, core;
static long errors;
static unsigned char frame[ENOUGH];

/* -- CBOR, as much as is needed: every head may have any width, nothing is indefinite ------------------------------ */

static unsigned char *put_head(unsigned char *to, int major, uint64_t value) {
    int width = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : value <= UINT32_MAX ? 4 : 8;
    *to++ = (unsigned char)(major << 5 | (width == 0 ? (int)value : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27));
    while (width) *to++ = (unsigned char)(value >> 8 * --width);
    return to;
}

static unsigned char *put_text(unsigned char *to, const char *text) {
    size_t size = strlen(text);
    to = put_head(to, 3, size);
    return (unsigned char *)memcpy(to, text, size) + size;
}

static const unsigned char *get_head(const unsigned char *at, const unsigned char *end, int *major, uint64_t *value) {
    if (at >= end) die("a frame of the core ends too early");
    int low = *at & 31, width = low < 24 ? 0 : low < 28 ? 1 << (low - 24) : -1;
    *major = *at++ >> 5;
    if (width < 0 || end - at < width) die("a frame of the core that is no CBOR of the profile");
    for (*value = width ? 0 : (uint64_t)low; width; width--) *value = *value << 8 | *at++;
    return at;
}

static const unsigned char *skip(const unsigned char *at, const unsigned char *end) {
    int major;
    uint64_t value;
    at = get_head(at, end, &major, &value);
    if (major == 2 || major == 3) return at + value;
    if (major == 4 || major == 5)
        for (value *= (uint64_t)(major - 3); value; value--) at = skip(at, end);
    return at;
}

static int is(const unsigned char *text, uint64_t size, const char *verb) {
    return size == strlen(verb) && !memcmp(text, verb, size);
}

/* -- one worker ---------------------------------------------------------------------------------------------------- */

static void send_frame(void *socket, const unsigned char *end) {
    must(zmq_send(socket, frame, (size_t)(end - frame), 0), "zmq_send");
}

static void send_verb(struct player *player, const char *verb) {
    send_frame(player->sockets[COMMANDS], put_text(put_head(put_head(frame, 4, 1), 4, 1), verb));
}

static void send_hello(struct player *player) {
    unsigned char *at = put_text(put_head(put_head(frame, 4, 1), 4, 2), "hello");
    at = put_head(put_text(put_head(at, 5, 2), "protocol"), 0, 1);
    send_frame(player->sockets[COMMANDS], put_text(put_text(at, "stub"), "c/benchmark"));
}

static void send_pong(struct player *player, uint64_t number) {
    unsigned char *at = put_text(put_head(put_head(frame, 4, 1), 4, 2), "pong");
    send_frame(player->sockets[COMMANDS], put_head(at, 0, number));
}

/* One frame of calls, as many as there is flight for, and 64 at most. */
static int send_calls(struct player *player, const char *command, long calls, uint64_t value) {
    if (calls > BATCH) calls = BATCH;
    if (calls > player->to_make) calls = player->to_make;
    if (calls <= 0) return 0;
    unsigned char *at = put_head(frame, 4, (uint64_t)calls);
    for (long i = 0; i < calls; i++) {
        at = put_head(put_text(put_head(at, 4, 4), "call"), 0, ++player->last_id);
        at = put_head(put_text(put_head(put_text(at, command), 5, 1), "value"), 0, value);
    }
    send_frame(player->sockets[COMMANDS], at);
    player->in_flight += calls;
    player->to_make -= calls;
    return 1;
}

/* Read one batch of the core. */
static void receive(struct player *player) {
    static unsigned char batch[ENOUGH];
    int size = must(zmq_recv(player->sockets[COMMANDS], batch, sizeof batch, 0), "zmq_recv"), major;
    if (size > (int)sizeof batch) die("a frame of %d bytes, which no benchmark asks for", size);
    const unsigned char *end = batch + size;
    uint64_t messages, elements, length, number = 0;
    const unsigned char *at = get_head(batch, end, &major, &messages);
    for (; messages; messages--) {
        const unsigned char *text = get_head(get_head(at, end, &major, &elements), end, &major, &length);
        if (is(text, length, "result") || is(text, length, "call")) /* the floor gives back what came */
            player->in_flight--;
        else if (is(text, length, "error"))
            player->in_flight--, errors++;
        else if (is(text, length, "welcome"))
            player->welcomed = 1;
        else if (is(text, length, "listening"))
            player->listening = 1;
        else if (is(text, length, "ping"))
            get_head(text + length, end, &major, &number), send_pong(player, number);
        else if (is(text, length, "refused") || is(text, length, "breach") || is(text, length, "denied"))
            die("the core says: %.*s", (int)(end - text), (const char *)text);
        at = skip(at, end);
    }
}

static void *bind_socket(void *context, int kind, const struct worker *worker, int which) {
    static const char *const names[] = {"commands", "events", "emits"};
    char path[300];
    void *socket = zmq_socket(context, kind);
    set_text(socket, ZMQ_PLAIN_USERNAME, worker->user);
    set_text(socket, ZMQ_PLAIN_PASSWORD, worker->secret);
    set_number(socket, ZMQ_LINGER, 0);
    if (kind == ZMQ_XPUB) set_number(socket, ZMQ_XPUB_NODROP, 1);
    set_number(socket, ZMQ_USE_FD, worker->listening[which]);
    snprintf(path, sizeof path, "%s/%s", worker->sockets, names[which]);
    must(zmq_bind(socket, path), path);
    return socket;
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

static zmq_pollitem_t items[MOST * SOCKETS + 1];

static void watch(int which) {
    for (int i = 0; i < count; i++) items[i] = (zmq_pollitem_t){players[i].sockets[which], 0, ZMQ_POLLIN, 0};
}

static void open_workers(void *context, const char *host) {
    struct sockaddr_un address;
    int door = unix_socket(host, &address);
    if (bind(door, (struct sockaddr *)&address, sizeof address) == -1 || listen(door, MOST) == -1) die("%s: %s", host, strerror(errno));
    for (int i = 0; i < count; i++) {
        struct worker worker;
        int from = accept(door, NULL, NULL);
        if (from == -1) die("accept: %s", strerror(errno));
        take_over(from, &worker); /* `from` stays open: at its end the worker's process ends */
        core = worker.core;
        players[i].sockets[COMMANDS] = bind_socket(context, ZMQ_DEALER, &worker, COMMANDS);
        players[i].sockets[EVENTS] = bind_socket(context, ZMQ_SUB, &worker, EVENTS);
        players[i].sockets[EMITS] = bind_socket(context, ZMQ_XPUB, &worker, EMITS);
        send_hello(&players[i]);
    }
    close(door);
    for (int left = count; left;) {
        for (int i = 0; i < count; i++)
            for (int which = 0; which < SOCKETS; which++)
                items[i * SOCKETS + which] = (zmq_pollitem_t){players[i].sockets[which], 0, ZMQ_POLLIN, 0};
        must(zmq_poll(items, count * SOCKETS, -1), "zmq_poll");
        for (int i = 0; i < count; i++) {
            struct player *player = &players[i];
            int was = player->welcomed && player->heard;
            while (readable(player->sockets[COMMANDS])) receive(player);
            while (readable(player->sockets[EMITS]))
                player->heard = must(zmq_recv(player->sockets[EMITS], frame, sizeof frame, 0), "zmq_recv") == 1;
            if (!was && player->welcomed && player->heard) send_verb(player, "ready"), left--;
        }
    }
}

static void call(const char *command, long calls, long flight) {
    long left = 0;
    for (int i = 0; i < count; i++) {
        players[i].to_make = calls / count + (i < calls % count);
        left += players[i].to_make;
        while (players[i].in_flight < flight && send_calls(&players[i], command, flight - players[i].in_flight, 1000)) {}
    }
    watch(COMMANDS);
    while (left) {
        must(zmq_poll(items, count, -1), "zmq_poll");
        for (int i = 0; i < count; i++) {
            struct player *player = &players[i];
            if (!(items[i].revents & ZMQ_POLLIN)) continue;
            for (int turn = 0; turn < DRAIN && readable(player->sockets[COMMANDS]); turn++) {
                long before = player->in_flight;
                receive(player);
                left -= before - player->in_flight;
                while (player->in_flight < flight && send_calls(player, command, flight - player->in_flight, 1000)) {}
            }
        }
    }
}

static void flood(const char *command) {
    int ordered = 0;
    watch(COMMANDS);
    items[count] = (zmq_pollitem_t){NULL, conductor, ZMQ_POLLIN, 0};
    for (; !ordered; ordered = items[count].revents) {
        long sent = 0;
        for (int i = 0; i < count; i++) {
            struct player *player = &players[i];
            int events;
            size_t size = sizeof events;
            player->to_make = BATCH;
            must(zmq_getsockopt(player->sockets[COMMANDS], ZMQ_EVENTS, &events, &size), "ZMQ_EVENTS");
            if (events & ZMQ_POLLOUT) sent += send_calls(player, command, BATCH, 1000);
            while (readable(player->sockets[COMMANDS])) receive(player);
        }
        must(zmq_poll(items, count + 1, sent ? 0 : 1), "zmq_poll");
    }
    watch(COMMANDS);
    for (int i = 0; i < count; i++)
        while (players[i].in_flight) must(zmq_poll(items + i, 1, -1), "zmq_poll"), receive(&players[i]);
}

/* -- events -------------------------------------------------------------------------------------------------------- */

static void listen_to_all(void) {
    for (int i = 0; i < count; i++) {
        must(zmq_setsockopt(players[i].sockets[EVENTS], ZMQ_SUBSCRIBE, "bench/tick|", 11), "ZMQ_SUBSCRIBE");
        while (!players[i].listening) {
            zmq_pollitem_t both[] = {{players[i].sockets[COMMANDS], 0, ZMQ_POLLIN, 0}, {players[i].sockets[EVENTS], 0, ZMQ_POLLIN, 0}};
            must(zmq_poll(both, 2, -1), "zmq_poll"); /* a bound SUB subscribes only while its thread is inside libzmq */
            if (both[0].revents) receive(&players[i]);
        }
    }
}

/* Ask for `events` of them, of a floor (`ask`) or by a call, and read until each has all. */
static void have_events(long events, void *ask) {
    long left = events * count;
    for (int i = 0; i < count; i++) players[i].events = 0;
    watch(EVENTS);
    if (ask) {
        must(zmq_send(ask, &events, sizeof events, 0), "zmq_send");
    } else {
        players[0].to_make = 1;
        send_calls(&players[0], "bench.emit", 1, (uint64_t)events);
        items[count] = (zmq_pollitem_t){players[0].sockets[COMMANDS], 0, ZMQ_POLLIN, 0};
    }
    while (left || (!ask && players[0].in_flight)) {
        if (!must(zmq_poll(items, count + !ask, PATIENCE), "zmq_poll")) die("%ld events have not come", left);
        for (int i = 0; i < count; i++)
            for (int turn = 0; turn < DRAIN && readable(players[i].sockets[EVENTS]); turn++, left--)
                must(zmq_recv(players[i].sockets[EVENTS], frame, sizeof frame, 0), "zmq_recv");
        if (!ask && items[count].revents) receive(&players[0]);
    }
}

/* COUNT sockets that nothing guards, and the one to ask a floor for events: returned when that has said who it is. */
static void *bare(void *context, const char *host, int which) {
    char path[300];
    for (int i = 0; i < count; i++) {
        void *socket = players[i].sockets[which] = zmq_socket(context, which == EVENTS ? ZMQ_SUB : ZMQ_DEALER);
        set_number(socket, ZMQ_LINGER, 0);
        if (which == EVENTS) set_text(socket, ZMQ_SUBSCRIBE, "bench/tick|");
        snprintf(path, sizeof path, "ipc://%s.%d", host, i);
        must(zmq_bind(socket, path), path);
    }
    void *ask = zmq_socket(context, ZMQ_DEALER);
    set_number(ask, ZMQ_LINGER, 0);
    snprintf(path, sizeof path, "ipc://%s.ask", host);
    must(zmq_bind(ask, path), path);
    watch(which);
    for (int subscribed = 0; !subscribed;) { /* be inside libzmq until the floor, which asks then, has every subscription */
        items[count] = (zmq_pollitem_t){ask, 0, ZMQ_POLLIN, 0};
        must(zmq_poll(items, count + 1, 10), "zmq_poll");
        if (readable(ask)) must(zmq_recv(ask, &core, sizeof core, 0), "zmq_recv"), subscribed = 1;
    }
    return ask;
}

int main(int given, char **arguments) {
    if (given < 4 || (count = atoi(arguments[3])) < 1 || count > MOST) die("load SIDE HOST COUNT [listen | call]");
    load_zmq();
    void *context = zmq_ctx_new(), *ask = NULL;
    if (given > 4) ask = bare(context, arguments[2], strcmp(arguments[4], "call") ? EVENTS : COMMANDS);
    else open_workers(context, arguments[2]);
    report_for_duty(arguments[1], ask ? "\"events\", \"call\"" : "\"call\", \"listen\", \"events\", \"flood\"", core);
    for (char *words[WORDS]; next_order(words);) {
        int64_t began = now();
        if (!strcmp(words[1], "call")) call(words[2], atol(words[3]), atol(words[4]));
        else if (!strcmp(words[1], "listen")) listen_to_all();
        else if (!strcmp(words[1], "events")) for (long i = atol(words[3]); i; i--) have_events(atol(words[2]), ask);
        else if (!strcmp(words[1], "flood")) flood(words[2]);
        int64_t ended = now(), counted[] = {errors};
        errors = 0;
        answer(began, ended, counted, 1);
    }
    return 0;
}
