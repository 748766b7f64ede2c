/* The orders of the conductor: a line of words each, answered with a line of JSON when the block is done. */
#ifndef BENCHMARKS_ORDERS_H
#define BENCHMARKS_ORDERS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 8 };

static int conductor = -1;

static inline int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static inline int unix_socket(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) die("a path too long for a socket: %s", path);
    strcpy(address->sun_path, path);
    int made = socket(AF_UNIX, SOCK_STREAM, 0);
    if (made == -1) die("socket: %s", strerror(errno));
    return made;
}

static inline int unix_connect(const char *path) {
    struct sockaddr_un address;
    int made = unix_socket(path, &address);
    if (connect(made, (struct sockaddr *)&address, sizeof address) == -1) die("%s: %s", path, strerror(errno));
    return made;
}

static inline void write_all(int to, const char *text, size_t size) {
    for (ssize_t gone; size; text += gone, size -= (size_t)gone)
        if ((gone = write(to, text, size)) <= 0) exit(0); /* the conductor has gone: nobody wants an answer */
}

/* Say which side this program plays, what that can do, and the process that serves it. */
static inline void report_for_duty(const char *side, const char *operations, int server) {
    char line[512];
    const char *path = getenv("BENCHMARK_CONDUCTOR");
    if (!path) die("BENCHMARK_CONDUCTOR is not set: python -m benchmarks starts this");
    conductor = unix_connect(path);
    int size = snprintf(line, sizeof line, "{\"pid\": %d, \"sides\": {\"%s\": [%s]}, \"servers\": [%d]}\n", getpid(), side, operations, server);
    write_all(conductor, line, (size_t)size);
}

/* The next order's words, the side first; 0 when there are no more. */
static inline int next_order(char *words[WORDS]) {
    static char line[512];
    size_t size = 0;
    do {
        ssize_t got = size < sizeof line - 1 ? read(conductor, line + size, 1) : 0;
        if (got <= 0) return 0;
    } while (line[size++] != '\n');
    line[size - 1] = 0;
    memset(words, 0, WORDS * sizeof *words);
    int count = 0;
    for (char *word = strtok(line, " "); word && count < WORDS; word = strtok(NULL, " ")) words[count++] = word;
    return count;
}

/* What a block took: each of its `count` parts too, in nanoseconds, unless that is 0. */
static inline void answer(int64_t began, int64_t ended, const int64_t *each, long count) {
    char *line = malloc(128 + (size_t)count * 21);
    int size = sprintf(line, "{\"began\": %lld, \"ended\": %lld, \"each\": [", (long long)began, (long long)ended);
    for (long i = 0; i < count; i++) size += sprintf(line + size, i ? ",%lld" : "%lld", (long long)each[i]);
    size += sprintf(line + size, "]}\n");
    write_all(conductor, line, (size_t)size);
    free(line);
}

#endif
