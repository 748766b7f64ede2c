/* The floor of many workers: gives each frame back as it came, unread. `answer HOST COUNT [HOST COUNT ...]`.
 *
 * The sockets of a load process without workers (load.c, `call`) are bound as HOST.0, HOST.1 ...; it waits at HOST.ask
 * to be told that there is somebody to answer.
 */
#include "zmq.h"
#include <unistd.h>

enum { MOST = 256, TURN = 64, ENOUGH = 1 << 20 };

static zmq_pollitem_t items[MOST];
static char frame[ENOUGH];

static void *connect_to(void *context, const char *host, const char *which) {
    char path[300];
    void *socket = zmq_socket(context, ZMQ_DEALER);
    set_number(socket, ZMQ_SNDHWM, 0);
    set_number(socket, ZMQ_RCVHWM, 0);
    snprintf(path, sizeof path, "ipc://%s.%s", host, which);
    must(zmq_connect(socket, path), path);
    return socket;
}

int main(int given, char **arguments) {
    int count = 0, pid = getpid();
    load_zmq();
    void *context = zmq_ctx_new();
    for (int host = 1; host + 1 < given; host += 2) {
        for (int i = 0; i < atoi(arguments[host + 1]); i++) {
            char which[16];
            if (count == MOST) die("at most %d sockets", MOST);
            snprintf(which, sizeof which, "%d", i);
            items[count++] = (zmq_pollitem_t){connect_to(context, arguments[host], which), 0, ZMQ_POLLIN, 0};
        }
        must(zmq_send(connect_to(context, arguments[host], "ask"), &pid, sizeof pid, 0), "zmq_send");
    }
    for (;;) {
        must(zmq_poll(items, count, -1), "zmq_poll");
        for (int i = 0; i < count; i++)
            for (int turn = 0; items[i].revents && turn < TURN && readable(items[i].socket); turn++) {
                int size = must(zmq_recv(items[i].socket, frame, sizeof frame, 0), "zmq_recv");
                must(zmq_send(items[i].socket, frame, (size_t)size, 0), "zmq_send");
            }
    }
}
