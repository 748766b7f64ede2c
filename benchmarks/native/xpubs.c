/* benchmarks/players/xpubs.py in C: `xpubs HOST COUNT SOCKETS`. */
#include "zmq.h"
#include <unistd.h>

static const char FRAME[] = "bench/tick|\x83\x19\x03\xe8" "dcore\x01";
enum { MOST = 256, QUEUE = 1024, ZMQ_XPUB_VERBOSE = 40 };

int main(int given, char **arguments) {
    if (given != 4) die("xpubs HOST COUNT SOCKETS");
    load_zmq();
    int count = atoi(arguments[2]), sockets = atoi(arguments[3]), pid = getpid();
    void *context = zmq_ctx_new(), *own[MOST];
    char path[300], frame[300];
    if (count > MOST || sockets > count) die("at most %d listeners, and as many sockets", MOST);
    for (int i = 0; i < sockets; i++) {
        own[i] = zmq_socket(context, ZMQ_XPUB);
        set_number(own[i], ZMQ_SNDHWM, QUEUE);
        set_number(own[i], ZMQ_XPUB_NODROP, 1);
        set_number(own[i], ZMQ_XPUB_VERBOSE, 1);
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "ipc://%s.%d", arguments[1], i);
        must(zmq_connect(own[i % sockets], path), path);
    }
    for (int i = 0; i < count; i++) must(zmq_recv(own[i % sockets], frame, sizeof frame, 0), "zmq_recv");
    void *ask = zmq_socket(context, ZMQ_DEALER);
    snprintf(path, sizeof path, "ipc://%s.ask", arguments[1]);
    must(zmq_connect(ask, path), path);
    must(zmq_send(ask, &pid, sizeof pid, 0), "zmq_send");
    for (long events;;) {
        must(zmq_recv(ask, &events, sizeof events, 0), "zmq_recv");
        for (int i = 0; i < sockets; i++) readable(own[i]); /* libzmq takes notice of what the listeners have read */
        for (; events; events--)
            for (int i = 0; i < sockets; i++) must(zmq_send(own[i], FRAME, sizeof FRAME - 1, ZMQ_DONTWAIT), "zmq_send");
    }
}
