/* A worker that is there and does nothing: what it was given it gives to the load process that plays it.
 *
 * `worker HOST`: it listens in its own directory, so that the kernel attests this process, the spawned one, as the
 * peer; then it hands the three listening sockets, its name and its secret to HOST, the load process's socket, and
 * sleeps until its standard input, or that process, ends. So two hundred workers are two hundred processes, and eight do the work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static inline void die(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    va_end(rest);
    fputc('\n', stderr);
    exit(1);
}

#include "orders.h"
#include "workers.h"

static int listen_at(const char *folder, const char *name) {
    struct sockaddr_un address;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int made = unix_socket(path, &address);
    if (bind(made, (struct sockaddr *)&address, sizeof address) == -1) die("%s: %s", path, strerror(errno));
    if (listen(made, 8) == -1) die("%s: %s", path, strerror(errno));
    return made;
}

static const char *given(const char *name) {
    const char *value = getenv(name);
    if (!value) die("%s is not set: this is a Stockade worker, which `stockade run` starts", name);
    return value;
}

int main(int count, char **arguments) {
    struct worker me = {0};
    if (count != 2) die("worker HOST");
    if (scanf("%64[0-9a-f]", me.secret) != 1) die("standard input brings no secret");
    snprintf(me.user, sizeof me.user, "%s@%s", given("STOCKADE_WORKER"), given("STOCKADE_GENERATION"));
    snprintf(me.sockets, sizeof me.sockets, "%s", given("STOCKADE_SOCKETS"));
    me.core = atoi(given("STOCKADE_CORE_PID"));
    const char *folder = me.sockets + strlen("ipc://");
    me.listening[COMMANDS] = listen_at(folder, "commands");
    me.listening[EVENTS] = listen_at(folder, "events");
    me.listening[EMITS] = listen_at(folder, "emits");
    int host = unix_connect(arguments[1]);
    hand_over(host, &me);
    for (int socket = 0; socket < SOCKETS; socket++) close(me.listening[socket]);
    struct pollfd ends[] = {{0, POLLIN, 0}, {host, POLLIN, 0}};
    while (poll(ends, 2, -1) == -1 && errno == EINTR) {}
    return 0;
}
