/* The floor of a worker's start: a program that binds the three sockets as one does, and ends. `bind FOLDER`. */
#include "zmq.h"
#include <unistd.h>

int main(int given, char **arguments) {
    static const struct { int kind; const char *name; } links[] = {
        {ZMQ_DEALER, "commands"}, {ZMQ_SUB, "events"}, {ZMQ_XPUB, "emits"},
    };
    if (given != 2) die("bind FOLDER");
    load_zmq();
    void *context = zmq_ctx_new();
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char path[300];
        void *socket = zmq_socket(context, links[i].kind);
        snprintf(path, sizeof path, "ipc://%s/%s", arguments[1], links[i].name);
        set_number(socket, ZMQ_LINGER, 0);
        set_text(socket, ZMQ_PLAIN_USERNAME, "worker@1");
        set_text(socket, ZMQ_PLAIN_PASSWORD, "secret");
        must(zmq_bind(socket, path), path);
    }
    return 0;
}
