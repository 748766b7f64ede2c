/* A core that says what a test tells it to, and the process of a worker with it. */
#ifndef STOCKADE_TESTS_CORE_H
#define STOCKADE_TESTS_CORE_H

#include "notation.h"

#include <signal.h>
#include <sys/wait.h>

/* Milliseconds after which what has not come never will. */
#define PATIENCE 20000
#define TEST_SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct core {
    char folder[64];
    void *context, *commands, *events, *emits, *gate;
    pthread_t gatekeeper;
    pid_t worker;
    int lifeline;
    struct frame *heard; /* the last batch */
};

/* Lets everybody in: libzmq asks it, in a thread of its own, whether a connection is to be (RFC 27). */
static void *keep_gate(void *gate) {
    for (;;) {
        char version[8] = "", request[64] = "";
        int version_size = zmq_recv(gate, version, sizeof version, 0);
        int request_size = zmq_recv(gate, request, sizeof request, 0);
        if (version_size < 0 || request_size < 0)
            break;
        int more = 1;
        size_t size = sizeof more;
        char rest[256];
        while (zmq_getsockopt(gate, ZMQ_RCVMORE, &more, &size) == 0 && more)
            zmq_recv(gate, rest, sizeof rest, 0);
        zmq_send(gate, version, (size_t)version_size, ZMQ_SNDMORE);
        zmq_send(gate, request, (size_t)request_size, ZMQ_SNDMORE);
        zmq_send(gate, "200", 3, ZMQ_SNDMORE);
        zmq_send(gate, "OK", 2, ZMQ_SNDMORE);
        zmq_send(gate, "", 0, ZMQ_SNDMORE);
        zmq_send(gate, "", 0, 0);
    }
    zmq_close(gate);
    return NULL;
}

static void core_path(const struct core *core, const char *name, char *path, size_t size) {
    snprintf(path, size, "ipc://%s/%s", core->folder, name);
}

/* Connect to a socket of the worker's, once it is there. */
static void *core_join(const struct core *core, int kind, const char *name) {
    char path[128];
    int server = 1, linger = 0;
    void *socket = zmq_socket(core->context, kind);
    zmq_setsockopt(socket, ZMQ_PLAIN_SERVER, &server, sizeof server);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (kind == ZMQ_SUB)
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    if (kind == ZMQ_ROUTER)
        zmq_setsockopt(socket, ZMQ_CONNECT_ROUTING_ID, "worker", 6);
    core_path(core, name, path, sizeof path);
    const struct timespec pause = {0, 2000000};
    for (int tries = 0; access(path + strlen("ipc://"), F_OK) != 0 && tries < PATIENCE / 2; tries++)
        nanosleep(&pause, NULL);
    zmq_connect(socket, path);
    return socket;
}

static void set_number(const char *name, long number) {
    char text[32];
    snprintf(text, sizeof text, "%ld", number);
    setenv(name, text, 1);
}

/* Start a worker: an argument list that ends with NULL. Its standard input brings the secret. */
static void core_start(struct core *core, char *const *arguments) {
    int ends[2];
    char path[96];
    memset(core, 0, sizeof *core);
    strcpy(core->folder, "/tmp/stockade-c-XXXXXX");
    CHECK(mkdtemp(core->folder) != NULL && pipe(ends) == 0);
    snprintf(path, sizeof path, "ipc://%s", core->folder);
    core->worker = fork();
    if (core->worker == 0) {
        setenv("STOCKADE_PROTOCOL", "1", 1);
        setenv("STOCKADE_WORKER", "tested", 1);
        setenv("STOCKADE_GENERATION", "1", 1);
        setenv("STOCKADE_SOCKETS", path, 1);
        setenv("STOCKADE_DEBUGGABLE", "1", 1);
        set_number("STOCKADE_CORE_PID", (long)getppid());
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    close(ends[0]);
    core->lifeline = ends[1];
    fcntl(core->lifeline, F_SETFD, FD_CLOEXEC);
    CHECK(write(core->lifeline, TEST_SECRET "\n", 65) == 65);
    core->context = zmq_ctx_new();
    core->gate = zmq_socket(core->context, ZMQ_REP);
    zmq_bind(core->gate, "inproc://zeromq.zap.01");
    pthread_create(&core->gatekeeper, NULL, keep_gate, core->gate);
    core->commands = core_join(core, ZMQ_ROUTER, "commands");
    core->events = core_join(core, ZMQ_XPUB, "events");
    core->emits = core_join(core, ZMQ_SUB, "emits");
}

/* Close the sockets: to the worker the core has gone. */
static void core_vanish(struct core *core) {
    if (core->commands != NULL) {
        zmq_close(core->commands);
        zmq_close(core->events);
        zmq_close(core->emits);
    }
    core->commands = NULL;
}

static void core_end_lifeline(struct core *core) {
    if (core->lifeline >= 0)
        close(core->lifeline);
    core->lifeline = -1;
}

/* The worker's exit status; minus the signal's number, if one ended it. */
static int core_status(struct core *core) {
    int status = 0;
    const struct timespec pause = {0, 5000000};
    for (int tries = 0; tries < PATIENCE / 5; tries++) {
        if (waitpid(core->worker, &status, WNOHANG) == core->worker)
            return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
        nanosleep(&pause, NULL);
    }
    kill(core->worker, SIGKILL);
    waitpid(core->worker, &status, 0);
    return -1000;
}

static void core_end(struct core *core) {
    core_end_lifeline(core);
    core_vanish(core);
    frame_release(core->heard);
    zmq_ctx_shutdown(core->context); /* the gatekeeper leaves, and closes its socket */
    pthread_join(core->gatekeeper, NULL);
    zmq_ctx_term(core->context);
    const char *const names[] = {"commands", "events", "emits"};
    for (size_t at = 0; at < 3; at++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", core->folder, names[at]);
        unlink(path);
    }
    rmdir(core->folder);
}

static void core_send(struct core *core, const void *data, size_t size) {
    zmq_send(core->commands, "worker", 6, ZMQ_SNDMORE);
    zmq_send(core->commands, data, size, 0);
}

/* Say a batch, written as JSON. */
static void core_say(struct core *core, const char *batch) {
    json_t *json = json_loads(batch, 0, NULL);
    stockade_writer *writer = stockade_writer_new();
    const unsigned char *data = NULL;
    size_t size = 0;
    CHECK(json != NULL);
    put_notation(writer, json);
    CHECK(stockade_writer_encoded(writer, &data, &size, NULL) == STOCKADE_OK);
    core_send(core, data, size);
    stockade_writer_free(writer);
    json_decref(json);
}

/* The next batch of the worker, its raw frames left out; STOCKADE_MISSING if none comes. It lives until the next. */
static stockade_value core_hear(struct core *core) {
    stockade_value batch = {0};
    zmq_pollitem_t item = {core->commands, 0, ZMQ_POLLIN, 0};
    frame_release(core->heard);
    core->heard = frame_new();
    if (zmq_poll(&item, 1, PATIENCE) != 1)
        return batch;
    char peer[16];
    zmq_recv(core->commands, peer, sizeof peer, 0);
    zmq_msg_recv(&core->heard->message, core->commands, 0);
    for (bool more = zmq_msg_more(&core->heard->message); more;) {
        zmq_msg_t raw;
        zmq_msg_init(&raw);
        zmq_msg_recv(&raw, core->commands, 0);
        more = zmq_msg_more(&raw);
        zmq_msg_close(&raw);
    }
    CHECK(stockade_decode(frame_data(core->heard), frame_size(core->heard), &batch, NULL) == STOCKADE_OK);
    return batch;
}

static stockade_value at(stockade_value array, size_t index) {
    stockade_value item = {0};
    stockade_iterator each = stockade_iterate(array);
    for (size_t count = 0; count <= index; count++) {
        if (!stockade_next(&each, NULL, &item))
            memset(&item, 0, sizeof item);
    }
    return item;
}

/* The first message of the next batch, which must have this verb. */
static stockade_value core_expect(struct core *core, const char *verb) {
    stockade_value message = at(core_hear(core), 0);
    if (!stockade_is_text(at(message, 0), verb))
        fprintf(stderr, "[%s] wanted %s, and got something else, or nothing\n", harness_case, verb);
    CHECK(stockade_is_text(at(message, 0), verb));
    return message;
}

#define TEST_WELCOME                                                                                                   \
    "[[\"welcome\", {\"protocol\": 1, \"worker\": \"tested\", \"generation\": 1, \"core\": \"test/0\", \"limits\": {"  \
    "\"message\": 1048576, \"event\": 65536, \"batch\": 1024, \"calls\": 1024, \"topics\": 64, \"depth\": 32, "        \
    "\"channels\": 64, \"frames\": 63}, \"grants\": {\"commands\": {\"allow\": [\"**\"], \"deny\": []}, "              \
    "\"listen\": {\"allow\": [\"**\"], \"deny\": []}, \"emit\": {\"allow\": [\"**\"], \"deny\": []}}}]]"

static void core_welcome(struct core *core) {
    core_expect(core, "hello");
    core_say(core, TEST_WELCOME);
}

#endif
