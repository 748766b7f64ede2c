/* The few functions of libzmq that the programs here use, found when they start.
 *
 * pyzmq's wheel brings libzmq, but no headers. So that a C compiler is all that is needed, what is used is declared
 * here (it is libzmq's stable interface, version 4) and loaded from the very library that pyzmq has loaded:
 * $BENCHMARK_LIBZMQ.
 */
#ifndef BENCHMARKS_ZMQ_H
#define BENCHMARKS_ZMQ_H

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZMQ_SUB = 2, ZMQ_DEALER = 5, ZMQ_ROUTER = 6, ZMQ_XPUB = 9 };
enum {
    ZMQ_SUBSCRIBE = 6, ZMQ_EVENTS = 15, ZMQ_LINGER = 17, ZMQ_SNDHWM = 23, ZMQ_RCVHWM = 24, ZMQ_PLAIN_USERNAME = 45,
    ZMQ_PLAIN_PASSWORD = 46, ZMQ_IPC_FILTER_PID = 58, ZMQ_XPUB_NODROP = 69, ZMQ_USE_FD = 89
};
enum { ZMQ_DONTWAIT = 1, ZMQ_SNDMORE = 2, ZMQ_POLLIN = 1, ZMQ_POLLOUT = 2 };

typedef union { unsigned char opaque[64]; void *aligned; } zmq_msg_t;
typedef struct { void *socket; int fd; short events, revents; } zmq_pollitem_t;

#define ZMQ_FUNCTIONS(X) \
    X(void *, zmq_ctx_new, (void)) \
    X(void *, zmq_socket, (void *, int)) \
    X(int, zmq_setsockopt, (void *, int, const void *, size_t)) \
    X(int, zmq_getsockopt, (void *, int, void *, size_t *)) \
    X(int, zmq_bind, (void *, const char *)) \
    X(int, zmq_connect, (void *, const char *)) \
    X(int, zmq_send, (void *, const void *, size_t, int)) \
    X(int, zmq_recv, (void *, void *, size_t, int)) \
    X(int, zmq_poll, (zmq_pollitem_t *, int, long)) \
    X(int, zmq_msg_init, (zmq_msg_t *)) \
    X(int, zmq_msg_init_data, (zmq_msg_t *, void *, size_t, void (*)(void *, void *), void *)) \
    X(int, zmq_msg_recv, (zmq_msg_t *, void *, int)) \
    X(int, zmq_msg_send, (zmq_msg_t *, void *, int)) \
    X(int, zmq_msg_close, (zmq_msg_t *)) \
    X(void *, zmq_msg_data, (zmq_msg_t *)) \
    X(size_t, zmq_msg_size, (const zmq_msg_t *)) \
    X(int, zmq_errno, (void)) \
    X(const char *, zmq_strerror, (int))

#define ZMQ_DECLARE(kind, name, parameters) static kind(*name) parameters;
ZMQ_FUNCTIONS(ZMQ_DECLARE)

static inline void die(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    va_end(rest);
    fputc('\n', stderr);
    exit(1);
}

/* What libzmq was asked to do, it has to do: anything else is the end of this program. */
static inline int must(int result, const char *what) {
    if (result == -1) die("%s: %s", what, zmq_strerror(zmq_errno()));
    return result;
}

static inline void load_zmq(void) {
    const char *path = getenv("BENCHMARK_LIBZMQ");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
    if (!library) die("libzmq: %s", path ? dlerror() : "BENCHMARK_LIBZMQ is not set");
#define ZMQ_FIND(kind, name, parameters) \
    if (!(*(void **)&name = dlsym(library, #name))) die("libzmq has no " #name);
    ZMQ_FUNCTIONS(ZMQ_FIND)
}

static inline void set_number(void *socket, int option, int value) {
    must(zmq_setsockopt(socket, option, &value, sizeof value), "zmq_setsockopt");
}

static inline void set_text(void *socket, int option, const char *value) {
    must(zmq_setsockopt(socket, option, value, strlen(value)), "zmq_setsockopt");
}

static inline int readable(void *socket) {
    int events;
    size_t size = sizeof events;
    must(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size), "ZMQ_EVENTS");
    return events & ZMQ_POLLIN;
}

#endif
