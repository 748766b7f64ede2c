/* What a call costs: does the tasks that `bench.next` gives it, and reports nanoseconds. The floor is the same thing
 * without this library: a bare DEALER against a ROUTER that echoes (BENCH_FLOOR). */
#define _POSIX_C_SOURCE 200809L /* clock_gettime under -std=c11 */

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "stockade.h"

#define FLOOR_FRAME 24

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static size_t number(stockade_value task, const char *key) {
    int64_t found = 1;
    stockade_as_int(stockade_get(task, key), &found);
    return found > 0 ? (size_t)found : 1;
}

static void put_all(stockade_writer *report, const int64_t *each, size_t count) {
    stockade_open_map(report);
    stockade_put_key(report, "ns");
    stockade_open_array(report);
    for (size_t at = 0; at < count; at++)
        stockade_put(report, stockade_int(each[at]));
    stockade_shut(report);
    stockade_shut(report);
}

/* One call after the other. */
static stockade_status do_stub(stockade_core *core, stockade_value task, stockade_writer *report) {
    size_t count = number(task, "count");
    int64_t *each = calloc(count, sizeof *each);
    stockade_status status = each != NULL ? STOCKADE_OK : STOCKADE_NO_MEMORY;
    for (size_t at = 0; at < count && status == STOCKADE_OK; at++) {
        stockade_owned result = {0};
        int64_t began = now();
        status = stockade_invoke(core, "bench.echo", STOCKADE_ARGS({"value", stockade_int(1)}), NULL, &result, NULL);
        stockade_release(&result);
        each[at] = now() - began;
    }
    put_all(report, each, each != NULL ? count : 0);
    free(each);
    return status;
}

/* One frame there and back after the other, by ZeroMQ alone. */
static stockade_status do_floor(stockade_core *core, stockade_value task, stockade_writer *report) {
    (void)core;
    size_t count = number(task, "count");
    const char *endpoint = getenv("BENCH_FLOOR");
    int64_t *each = calloc(count, sizeof *each);
    int linger = 0;
    char frame[FLOOR_FRAME] = {0};
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    bool is_well = each != NULL && endpoint != NULL && zmq_connect(socket, endpoint) == 0;
    for (size_t at = 0; at < count && is_well; at++) {
        int64_t began = now();
        is_well = zmq_send(socket, frame, sizeof frame, 0) >= 0 && zmq_recv(socket, frame, sizeof frame, 0) >= 0;
        each[at] = now() - began;
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    if (is_well)
        put_all(report, each, count);
    else
        stockade_put(report, stockade_null());
    free(each);
    return STOCKADE_OK;
}

/* A window of calls in flight: the oldest answer is taken before the next call is begun. */
static stockade_status do_pipelined(stockade_core *core, stockade_value task, stockade_writer *report) {
    size_t count = number(task, "count"), window = number(task, "window");
    stockade_pending **ring = calloc(window, sizeof *ring);
    stockade_status status = ring != NULL ? STOCKADE_OK : STOCKADE_NO_MEMORY;
    int64_t began = now();
    for (size_t at = 0; at < count + window && status == STOCKADE_OK; at++) {
        stockade_pending **place = &ring[at % window];
        if (*place != NULL)
            status = stockade_pending_result(*place, NULL, NULL);
        stockade_pending_free(*place);
        *place = NULL;
        if (at < count && status == STOCKADE_OK)
            status = stockade_call(core, "bench.echo", STOCKADE_ARGS({"value", stockade_int(1)}), NULL, place, NULL);
    }
    stockade_open_map(report);
    stockade_put_pair(report, "ns", stockade_int(now() - began));
    stockade_shut(report);
    free(ring);
    return status;
}

static stockade_status obey(stockade_core *core, stockade_writer *report) {
    static const struct {
        const char *name;
        stockade_status (*task)(stockade_core *core, stockade_value task, stockade_writer *report);
    } TASKS[] = {{"stub", do_stub}, {"floor", do_floor}, {"pipelined", do_pipelined}};
    const stockade_options forever = {.timeout = STOCKADE_FOREVER};
    stockade_owned task = {0};
    stockade_status status = stockade_invoke(core, "bench.next", NULL, &forever, &task, NULL);
    while (status == STOCKADE_OK && !stockade_is_text(stockade_get(task.value, "do"), "leave")) {
        stockade_value said = stockade_null(), what = stockade_get(task.value, "do");
        stockade_writer_reset(report);
        for (size_t at = 0; at < sizeof TASKS / sizeof *TASKS && status == STOCKADE_OK; at++) {
            if (!stockade_is_text(what, TASKS[at].name))
                continue;
            status = TASKS[at].task(core, task.value, report);
            if (status == STOCKADE_OK)
                status = stockade_writer_value(report, &said, NULL);
        }
        stockade_release(&task);
        if (status == STOCKADE_OK)
            status = stockade_invoke(core, "bench.next", STOCKADE_ARGS({"report", said}), &forever, &task, NULL);
    }
    stockade_release(&task);
    return status;
}

int main(void) {
    stockade_core *core = NULL;
    stockade_writer *report = stockade_writer_new();
    stockade_status status = stockade_connect(&core, NULL, NULL);
    if (status == STOCKADE_OK)
        status = stockade_ready(core, NULL);
    if (status == STOCKADE_OK)
        status = obey(core, report);
    stockade_writer_free(report);
    stockade_free(core);
    return stockade_exit_status(status);
}
