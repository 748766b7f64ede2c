/* A core that only answers, so that what is measured is the stub: `core SOCKETS FLOOR SLOW`.
 *
 * It connects to the three sockets of the one worker in the folder SOCKETS and lets any secret pass. A batch of nothing
 * but calls of `bench.echo` it answers itself, with 1, in one batch. Any other goes as it came to SLOW, a socket PAIR of
 * the process that has started both (players/native_core.py), and what comes from there goes to the worker. The socket
 * FLOOR is the bare echo beside it: the same thread gives back what comes there.
 */
#include "zmq.h"
#include <stdint.h>
#include <unistd.h>

enum { ZMQ_PAIR = 0, ZMQ_REP = 4, ZMQ_RCVMORE = 13, ZMQ_PLAIN_SERVER = 44 };
enum { COMMANDS, BARE, SLOW, ZAP, EVENTS, EMITS, ALL };
enum { ENOUGH = 1 << 22, TURN = 64 };

static unsigned char frame[ENOUGH], said[ENOUGH];

/* -- as much of CBOR as it takes to find the ids of calls: of what ours write, definite lengths alone -------------- */

struct cursor { const unsigned char *at, *end; };

/* The major type and the number of the next item's head; -1 where it is none that is known here. */
static int head(struct cursor *from, uint64_t *number) {
    if (from->at >= from->end) return -1;
    unsigned char first = *from->at++, low = first & 31;
    if (low < 24) return *number = low, first >> 5;
    if (low > 27 || from->end - from->at < 1 << (low - 24)) return -1;
    *number = 0;
    for (int rest = 1 << (low - 24); rest; rest--) *number = *number << 8 | *from->at++;
    return first >> 5;
}

static int skip(struct cursor *from) {
    uint64_t number;
    int kind = head(from, &number);
    if (kind < 0 || kind == 6) return -1;
    if (kind == 2 || kind == 3) {
        if ((uint64_t)(from->end - from->at) < number) return -1;
        from->at += number;
    }
    for (uint64_t rest = kind == 4 ? number : kind == 5 ? 2 * number : 0; rest; rest--)
        if (skip(from)) return -1;
    return 0;
}

static int is_text(struct cursor *from, const char *text) {
    uint64_t size;
    if (head(from, &size) != 3 || size != strlen(text) || (uint64_t)(from->end - from->at) < size) return 0;
    from->at += size;
    return !memcmp(from->at - size, text, size);
}

static size_t write_head(unsigned char *to, int kind, uint64_t number) {
    unsigned char first = (unsigned char)(kind << 5);
    int size = number < 24 ? 0 : number < 256 ? 1 : number < 65536 ? 2 : number < UINT64_C(4294967296) ? 4 : 8;
    *to++ = size ? first | (unsigned char)(size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27) : first | (unsigned char)number;
    for (int i = size - 1; i >= 0; i--) *to++ = (unsigned char)(number >> (8 * i));
    return 1 + (size_t)size;
}

/* The answers to a batch, in `said`; 0 if there is anything in it but calls of bench.echo. */
static size_t answers(size_t size) {
    struct cursor from = {frame, frame + size};
    uint64_t count, elements, id;
    if (head(&from, &count) != 4) return 0;
    size_t gone = write_head(said, 4, count);
    while (count--) {
        if (head(&from, &elements) != 4 || elements < 4 || !is_text(&from, "call")) return 0;
        if (head(&from, &id) != 0 || !is_text(&from, "bench.echo")) return 0;
        for (elements -= 3; elements; elements--)
            if (skip(&from)) return 0;
        memcpy(said + gone, "\x83\x66result", 8);
        gone += 8;
        gone += write_head(said + gone, 0, id);
        said[gone++] = 1;
    }
    return gone;
}

/* -- sockets ------------------------------------------------------------------------------------------------------- */

static void *context, *sockets[ALL];

static int more(void *socket) {
    int is;
    size_t size = sizeof is;
    must(zmq_getsockopt(socket, ZMQ_RCVMORE, &is, &size), "ZMQ_RCVMORE");
    return is;
}

static void *link_to(int kind, const char *folder, const char *name) {
    char path[300];
    void *socket = zmq_socket(context, kind);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    set_number(socket, ZMQ_PLAIN_SERVER, 1);
    set_number(socket, ZMQ_LINGER, 0);
    must(zmq_connect(socket, path), path);
    return socket;
}

/* Receive a frame if there is one: whether there was. */
static int receive(void *socket, size_t *size) {
    int got = zmq_recv(socket, frame, sizeof frame, ZMQ_DONTWAIT);
    if (got == -1 && zmq_errno() == EAGAIN) return 0;
    if (must(got, "zmq_recv") > (int)sizeof frame) die("a frame of %d bytes", got);
    return *size = (size_t)got, 1;
}

static void answer_calls(void) {
    size_t size, gone;
    for (int i = 0; i < TURN && receive(sockets[COMMANDS], &size); i++) {
        if ((gone = answers(size))) must(zmq_send(sockets[COMMANDS], said, gone, 0), "answers");
        else must(zmq_send(sockets[SLOW], frame, size, 0), "to the slow side");
    }
}

/* Give each frame back. The floor is a DEALER as the commands socket is, so that both cost the same on this side. */
static void give_back(void) {
    size_t size;
    for (int i = 0; i < TURN && receive(sockets[BARE], &size); i++) must(zmq_send(sockets[BARE], frame, size, 0), "the floor");
}

/* Let whoever comes pass: the folder is nobody else's. */
static void let_pass(void) {
    char id[256];
    size_t size;
    while (receive(sockets[ZAP], &size)) {
        if (!more(sockets[ZAP]) || !receive(sockets[ZAP], &size) || size > sizeof id) die("a bad request of ZAP");
        size_t length = size;
        memcpy(id, frame, size);
        while (more(sockets[ZAP])) receive(sockets[ZAP], &size);
        zmq_send(sockets[ZAP], "1.0", 3, ZMQ_SNDMORE);
        zmq_send(sockets[ZAP], id, length, ZMQ_SNDMORE);
        zmq_send(sockets[ZAP], "200", 3, ZMQ_SNDMORE);
        zmq_send(sockets[ZAP], "OK", 2, ZMQ_SNDMORE);
        zmq_send(sockets[ZAP], "", 0, ZMQ_SNDMORE);
        must(zmq_send(sockets[ZAP], "", 0, 0), "ZAP");
    }
}

int main(int given, char **arguments) {
    if (given != 4) die("core SOCKETS FLOOR SLOW");
    load_zmq();
    context = zmq_ctx_new();
    sockets[ZAP] = zmq_socket(context, ZMQ_REP);
    must(zmq_bind(sockets[ZAP], "inproc://zeromq.zap.01"), "ZAP");
    sockets[BARE] = zmq_socket(context, ZMQ_DEALER);
    must(zmq_bind(sockets[BARE], arguments[2]), arguments[2]);
    sockets[SLOW] = zmq_socket(context, ZMQ_PAIR);
    must(zmq_connect(sockets[SLOW], arguments[3]), arguments[3]);
    sockets[COMMANDS] = link_to(ZMQ_DEALER, arguments[1], "commands");
    sockets[EVENTS] = link_to(ZMQ_XPUB, arguments[1], "events");
    sockets[EMITS] = link_to(ZMQ_SUB, arguments[1], "emits");
    set_text(sockets[EMITS], ZMQ_SUBSCRIBE, "");
    zmq_pollitem_t items[ALL];
    for (int i = 0; i < ALL; i++) items[i] = (zmq_pollitem_t){sockets[i], 0, ZMQ_POLLIN, 0};
    for (size_t size;;) {
        must(zmq_poll(items, ALL, -1), "zmq_poll");
        if (items[COMMANDS].revents) answer_calls();
        if (items[BARE].revents) give_back();
        if (items[ZAP].revents) let_pass();
        if (items[SLOW].revents)
            while (receive(sockets[SLOW], &size)) must(zmq_send(sockets[COMMANDS], frame, size, 0), "from the slow side");
        for (int i = EVENTS; i <= EMITS; i++)
            if (items[i].revents)
                while (receive(sockets[i], &size)) {}
    }
}
