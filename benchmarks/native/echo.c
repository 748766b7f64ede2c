/* The floor in C: the sockets of pyzmq's floor with nothing of Python around them. `echo FOLDER CPU`.
 *
 *   echo call COUNT              round trips of a DEALER to a ROUTER that blocks in recv
 *   echo pipeline COUNT FLIGHT   messages of one frame that a DEALER gives back, so many on their way at a time
 *   echo stream COUNT CREDIT     items of one frame each, as far as there is credit
 *   echo send COUNT SIZE         payloads there, each answered by one small frame
 *   echo receive COUNT SIZE      payloads back, each asked for by one small frame
 *
 * The server is a child of this process, on the processor CPU (-1: on any).
 */
#define _GNU_SOURCE
#include "zmq.h"
#include "orders.h"
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

static const char FRAME[] = "\x81\x84" "dcall\x19\x03\xe8jbench.echo\xa1" "evalue\x19\x03\xe8";
static const char ITEM[] = "\x81\x83" "ditem\x01\xa2" "bid\x19\x03\xe8" "dnameditem";
enum { FRAME_SIZE = sizeof FRAME - 1, ITEM_SIZE = sizeof ITEM - 1, ENOUGH = 1 << 16 };

static char router_path[256], dealer_path[256], bulk_path[256], items_path[256];
static char *payload;

static void keep(void *data, void *hint) { (void)data, (void)hint; }

static void send_bulk(void *socket, size_t size) {
    static size_t filled; /* untouched memory is one page of zeros to the kernel, and quicker to copy than any */
    zmq_msg_t message;
    if (size > filled) memset(payload, 1, filled = size);
    must(zmq_msg_init_data(&message, payload, size, keep, NULL), "zmq_msg_init_data");
    must(zmq_msg_send(&message, socket, 0), "zmq_msg_send");
}

static size_t receive_bulk(void *socket) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    must(zmq_msg_recv(&message, socket, 0), "zmq_msg_recv");
    size_t size = zmq_msg_size(&message);
    zmq_msg_close(&message);
    return size;
}

static void *open_socket(void *context, int kind, const char *path, int binds) {
    void *socket = zmq_socket(context, kind);
    set_number(socket, ZMQ_LINGER, 0);
    set_number(socket, ZMQ_SNDHWM, 0);
    set_number(socket, ZMQ_RCVHWM, 0);
    must(binds ? zmq_bind(socket, path) : zmq_connect(socket, path), path);
    return socket;
}

static void serve_router(void *socket) {
    char peer[256], frame[ENOUGH];
    int named = must(zmq_recv(socket, peer, sizeof peer, 0), "zmq_recv");
    int size = must(zmq_recv(socket, frame, sizeof frame, 0), "zmq_recv");
    must(zmq_send(socket, peer, (size_t)named, ZMQ_SNDMORE), "zmq_send");
    must(zmq_send(socket, frame, (size_t)size, 0), "zmq_send");
}

/* A frame of 8 bytes asks for so many; any other is a payload. */
static void serve_bulk(void *socket) {
    zmq_msg_t message;
    uint64_t wanted;
    zmq_msg_init(&message);
    must(zmq_msg_recv(&message, socket, 0), "zmq_msg_recv");
    size_t size = zmq_msg_size(&message);
    if (size == sizeof wanted) {
        memcpy(&wanted, zmq_msg_data(&message), sizeof wanted);
        send_bulk(socket, wanted);
    } else
        must(zmq_send(socket, &size, sizeof size, 0), "zmq_send");
    zmq_msg_close(&message);
}

static void serve_items(void *socket) {
    int64_t left[2], more[2];
    must(zmq_recv(socket, left, sizeof left, 0), "zmq_recv");
    while (left[0]) {
        for (; left[0] && left[1]; left[0]--, left[1]--) must(zmq_send(socket, ITEM, ITEM_SIZE, 0), "zmq_send");
        for (; left[0] && (!left[1] || readable(socket)); left[1] += more[1])
            must(zmq_recv(socket, more, sizeof more, 0), "zmq_recv");
    }
}

/* One process serves all three: it blocks in the socket that is asked for, as the floor in Python does. */
static void serve(int orders) {
    void *context = zmq_ctx_new();
    void *router = open_socket(context, ZMQ_ROUTER, router_path, 1);
    void *dealer = open_socket(context, ZMQ_DEALER, dealer_path, 1);
    void *bulk = open_socket(context, ZMQ_DEALER, bulk_path, 1);
    void *items = open_socket(context, ZMQ_DEALER, items_path, 1);
    for (char kind; read(orders, &kind, 1) == 1;) {
        int64_t count;
        if (read(orders, &count, sizeof count) != sizeof count) break;
        if (kind == 'd') {
            char frame[ENOUGH];
            zmq_pollitem_t item = {dealer, 0, ZMQ_POLLIN, 0};
            while (count) {
                must(zmq_poll(&item, 1, -1), "zmq_poll");
                for (; count && readable(dealer); count--) {
                    int size = must(zmq_recv(dealer, frame, sizeof frame, 0), "zmq_recv");
                    must(zmq_send(dealer, frame, (size_t)size, 0), "zmq_send");
                }
            }
        } else
            for (; count; count--)
                kind == 'r' ? serve_router(router) : kind == 'b' ? serve_bulk(bulk) : serve_items(items);
    }
    exit(0);
}

static int server_orders;

static void tell_server(char kind, int64_t count) {
    if (write(server_orders, &kind, 1) != 1 || write(server_orders, &count, sizeof count) != sizeof count) die("the server has gone");
}

static int start_server(int cpu) {
    int pipes[2];
    if (pipe(pipes) == -1) die("pipe: %s", strerror(errno));
    int child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipes[1]);
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (cpu >= 0) sched_setaffinity(0, sizeof set, &set);
        serve(pipes[0]);
    }
    close(pipes[0]);
    server_orders = pipes[1];
    return child;
}

static void call(void *socket, long count, int64_t *each) {
    char frame[ENOUGH];
    tell_server('r', count);
    for (long i = 0; i < count; i++) {
        int64_t began = now();
        must(zmq_send(socket, FRAME, FRAME_SIZE, 0), "zmq_send");
        must(zmq_recv(socket, frame, sizeof frame, 0), "zmq_recv");
        each[i] = now() - began;
    }
}

static void pipeline(void *socket, long count, long flight) {
    char frame[ENOUGH];
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    long to_send = count > flight ? count - flight : 0;
    tell_server('d', count);
    for (long i = count - to_send; i; i--) must(zmq_send(socket, FRAME, FRAME_SIZE, 0), "zmq_send");
    while (count) {
        must(zmq_poll(&item, 1, -1), "zmq_poll");
        for (; count && readable(socket); count--) {
            must(zmq_recv(socket, frame, sizeof frame, 0), "zmq_recv");
            if (to_send && to_send--) must(zmq_send(socket, FRAME, FRAME_SIZE, 0), "zmq_send");
        }
    }
}

static void stream(void *socket, long count, long credit) {
    char frame[ENOUGH];
    int64_t ask[] = {count, credit};
    long half = credit / 2 ? credit / 2 : 1;
    tell_server('i', 1);
    must(zmq_send(socket, ask, sizeof ask, 0), "zmq_send");
    for (long number = 1; number <= count; number++) {
        must(zmq_recv(socket, frame, sizeof frame, 0), "zmq_recv");
        if (number % half == 0 && count - number > credit - half) {
            int64_t more[] = {0, half};
            must(zmq_send(socket, more, sizeof more, 0), "zmq_send");
        }
    }
}

static void move(void *socket, long count, size_t size, int there) {
    tell_server('b', count);
    for (; count; count--) {
        uint64_t wanted = size;
        if (there)
            send_bulk(socket, size);
        else
            must(zmq_send(socket, &wanted, sizeof wanted, 0), "zmq_send");
        if (receive_bulk(socket) != (there ? sizeof wanted : size)) die("a payload of another size came back");
    }
}

int main(int count, char **arguments) {
    if (count != 3) die("echo FOLDER CPU");
    load_zmq();
    snprintf(router_path, sizeof router_path, "ipc://%s/c-router", arguments[1]);
    snprintf(dealer_path, sizeof dealer_path, "ipc://%s/c-dealer", arguments[1]);
    snprintf(bulk_path, sizeof bulk_path, "ipc://%s/c-bulk", arguments[1]);
    snprintf(items_path, sizeof items_path, "ipc://%s/c-items", arguments[1]);
    payload = malloc((size_t)256 << 20); /* before the fork; its pages are taken when they are first sent */
    int child = start_server(atoi(arguments[2]));
    void *context = zmq_ctx_new();
    void *one = open_socket(context, ZMQ_DEALER, router_path, 0);
    void *many = open_socket(context, ZMQ_DEALER, dealer_path, 0);
    void *bulk = open_socket(context, ZMQ_DEALER, bulk_path, 0);
    void *items = open_socket(context, ZMQ_DEALER, items_path, 0);
    report_for_duty("c", "\"call\", \"pipeline\", \"stream\", \"send\", \"receive\"", child);
    for (char *words[WORDS]; next_order(words);) {
        long number = atol(words[2]), other = words[3] ? atol(words[3]) : 0;
        int64_t *each = strcmp(words[1], "call") ? NULL : malloc((size_t)number * sizeof *each);
        int64_t began = now();
        if (each) call(one, number, each);
        else if (!strcmp(words[1], "pipeline")) pipeline(many, number, other);
        else if (!strcmp(words[1], "stream")) stream(items, number, other);
        else move(bulk, number, (size_t)other, !strcmp(words[1], "send"));
        answer(began, now(), each, each ? number : 0);
        free(each);
    }
    return 0;
}
