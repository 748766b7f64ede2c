/* Whether a worker's memory stays flat: `million worker COUNT` makes so many calls, of every kind; `million core -- PROGRAM
 * [ARGS]` starts PROGRAM as a worker and answers what it calls, till it leaves, and exits as it does. See memory.sh. */
#include "core.h"

/* -- the worker ------------------------------------------------------------------------------------------------------- */

#define WINDOW 64

/* Bytes of memory that are resident. */
static long resident(void) {
    long pages = 0, ignored = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static stockade_status call_many(stockade_core *core) {
    stockade_pending *pending[WINDOW] = {NULL};
    stockade_status status = STOCKADE_OK;
    for (int64_t each = 0; each < WINDOW && status == STOCKADE_OK; each++)
        status = stockade_call(core, "echo", STOCKADE_ARGS({"value", stockade_int(each)}, {"more", stockade_text("x")}),
                               NULL, &pending[each], NULL);
    for (size_t each = 15; each < WINDOW && status == STOCKADE_OK; each += 16)
        stockade_pending_cancel(pending[each]);
    for (size_t each = 0; each < WINDOW; each++) {
        stockade_owned result = {0};
        if (status == STOCKADE_OK && each % 16 != 15)
            status = stockade_pending_result(pending[each], &result, NULL);
        stockade_release(&result);
        stockade_pending_free(pending[each]);
    }
    return status;
}

static stockade_status call_otherwise(stockade_core *core, const unsigned char *large, size_t size) {
    stockade_owned item = {0};
    stockade_receiver *stream = NULL;
    stockade_error *error = NULL;
    const stockade_options options = {.timeout = 60000,
                                      .trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
    stockade_status status =
        stockade_invoke(core, "echo", STOCKADE_ARGS({"value", stockade_bytes(large, size)}), &options, &item, NULL);
    stockade_release(&item);
    if (status == STOCKADE_OK && stockade_invoke(core, "fails", NULL, NULL, NULL, &error) != STOCKADE_COMMAND)
        status = STOCKADE_FAILED;
    stockade_error_free(error);
    if (status == STOCKADE_OK)
        status = stockade_stream(core, "stream", NULL, NULL, &stream, NULL);
    while (status == STOCKADE_OK && (status = stockade_receive(stream, &item, NULL)) == STOCKADE_OK)
        stockade_release(&item);
    stockade_receiver_free(stream);
    if (status == STOCKADE_DONE)
        status = stockade_emit(core, "tested/event", stockade_int(1), NULL, NULL);
    return status;
}

static int work(long count) {
    stockade_core *core = NULL;
    unsigned char large[20000] = {0};
    long at_first = 0, calls = 0;
    stockade_status status = stockade_connect(&core, NULL, NULL);
    while (status == STOCKADE_OK && calls < count) {
        status = call_many(core);
        if (status == STOCKADE_OK)
            status = call_otherwise(core, large, sizeof large);
        calls += WINDOW + 3;
        if (at_first == 0 && calls >= count / 10)
            at_first = resident();
    }
    long grown = resident() - at_first;
    stockade_statistics statistics = core ? stockade_statistics_of(core) : (stockade_statistics){0};
    fprintf(stderr,
            "%llu calls, %llu answered, %llu late, %llu channels open: %s; grown by %ld KiB since the first tenth\n",
            (unsigned long long)statistics.calls, (unsigned long long)statistics.answered,
            (unsigned long long)statistics.late, (unsigned long long)statistics.channels, stockade_status_text(status),
            grown / 1024);
    stockade_free(core);
    return status != STOCKADE_OK || statistics.channels != 0 || grown > 1024 * 1024 ? 1 : 0;
}

/* -- the core --------------------------------------------------------------------------------------------------------- */

static void answer(stockade_writer *batch, stockade_value call) {
    static const char *const FAILS = "fails";
    stockade_value number = at(call, 1), channel = stockade_get(at(call, 4), "channels");
    if (channel.kind == STOCKADE_MAP) {
        stockade_value id = stockade_get(stockade_get(channel, "yield"), "id");
        for (int64_t each = 0; each < 4; each++) {
            stockade_open_array(batch);
            stockade_put(batch, stockade_text(each < 3 ? "item" : "end"));
            stockade_put(batch, id);
            if (each < 3)
                stockade_put(batch, stockade_int(each));
            stockade_shut(batch);
        }
    }
    bool fails = stockade_is_text(at(call, 2), FAILS);
    stockade_open_array(batch);
    stockade_put(batch, stockade_text(fails ? "error" : "result"));
    stockade_put(batch, number);
    if (fails) {
        stockade_open_map(batch);
        stockade_put_pair(batch, "code", stockade_text("tested.failed"));
        stockade_put_pair(batch, "message", stockade_text("as asked"));
        stockade_put_pair(batch, "data", at(call, 3));
        stockade_shut(batch);
    } else {
        stockade_put(batch, channel.kind == STOCKADE_MAP ? stockade_null() : stockade_text("an answer"));
    }
    stockade_shut(batch);
}

/* Answer a batch; false: it said bye. */
static bool answer_all(struct core *core, stockade_value heard, stockade_writer *batch) {
    stockade_iterator each = stockade_iterate(heard);
    stockade_value message;
    const unsigned char *data = NULL;
    size_t size = 0, count = 0;
    bool goes_on = heard.kind == STOCKADE_ARRAY;
    stockade_writer_reset(batch);
    stockade_open_array(batch);
    while (stockade_next(&each, NULL, &message)) {
        bool is_call = stockade_is_text(at(message, 0), "call"), is_bye = stockade_is_text(at(message, 0), "bye");
        count += is_call || is_bye;
        goes_on = goes_on && !is_bye;
        if (is_call)
            answer(batch, message);
        if (is_bye)
            stockade_put(batch, message);
    }
    stockade_shut(batch);
    if (count > 0 && stockade_writer_encoded(batch, &data, &size, NULL) == STOCKADE_OK)
        core_send(core, data, size);
    return goes_on;
}

static int serve(char *const *program) {
    struct core core;
    core_start(&core, program);
    core_welcome(&core);
    stockade_writer *batch = stockade_writer_new();
    while (answer_all(&core, core_hear(&core), batch)) {
        char event[256];
        while (zmq_recv(core.emits, event, sizeof event, ZMQ_DONTWAIT) >= 0) {
        }
    }
    stockade_writer_free(batch);
    int status = core_status(&core);
    core_end(&core);
    return status;
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "worker") == 0)
        return work(strtol(arguments[2], NULL, 10));
    if (count > 3 && strcmp(arguments[1], "core") == 0)
        return serve(arguments + 3);
    fprintf(stderr, "million worker COUNT | million core -- PROGRAM [ARGS]\n");
    return 2;
}
