/* The echo worker (docs/certify.md): does what it is told by the answers to its own calls, so that `stockade certify` can
 * lead it through the protocol. Knows the public interface alone. */
#define _POSIX_C_SOURCE 200809L /* nanosleep under -std=c11 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stockade.h"

struct kept {
    char *name, *source;
    stockade_writer *payload;
};

struct echo {
    stockade_core *core;
    struct kept *events; /* not told yet */
    size_t event_count;
    struct listening {
        char *topic;
        stockade_subscription *subscription;
    } * listening;
    size_t listening_count;
    bool enough;
};

static const char *const OFFERS[] = {"cancel", "timeout", "retry",    "stream",         "channels", "raw",   "events",
                                     "emits",  "exports", "together", "export-streams", "nested",   "floats"};

static char *copy(const char *text) {
    char *made = malloc(strlen(text) + 1);
    return made ? strcpy(made, text) : NULL;
}

/* -- reports ---------------------------------------------------------------------------------------------------------- */

/* An error as reports have it. */
static void put_error(stockade_writer *report, const stockade_error *error) {
    bool is_answer = stockade_error_status(error) == STOCKADE_COMMAND;
    stockade_open_map(report);
    stockade_put_pair(report, "code", stockade_text(is_answer ? stockade_error_code(error) : "echo.refused"));
    stockade_put_pair(report, "message", stockade_text(stockade_error_message(error)));
    stockade_put_pair(report, "data", stockade_error_data(error));
    stockade_shut(report);
}

/* {"value": v} or {"error": error}, without the braces. Both are given back. */
static void put_outcome(stockade_writer *report, stockade_owned *result, stockade_error *error) {
    if (error != NULL) {
        stockade_put_key(report, "error");
        put_error(report, error);
    } else {
        stockade_put_pair(report, "value", result->value);
    }
    stockade_release(result);
    stockade_error_free(error);
}

static void put_error_if(stockade_writer *report, const char *key, stockade_error *error) {
    if (error != NULL) {
        stockade_put_key(report, key);
        put_error(report, error);
        stockade_error_free(error);
    }
}

/* -- arguments -------------------------------------------------------------------------------------------------------- */

/* Arguments of a map that came, and one more; to be given back. */
static stockade_argument *arguments_of(stockade_value map, const char *name, stockade_value value) {
    stockade_argument *arguments = calloc(stockade_count(map) + 2, sizeof *arguments);
    stockade_iterator each = stockade_iterate(map);
    stockade_value key, item;
    size_t count = 0;
    while (arguments != NULL && stockade_next(&each, &key, &item)) {
        arguments[count].name = stockade_text_copy(key);
        arguments[count++].value = item;
    }
    if (arguments != NULL && name != NULL) {
        arguments[count].name = copy(name);
        arguments[count].value = value;
    }
    return arguments;
}

static void arguments_free(stockade_argument *arguments) {
    for (stockade_argument *each = arguments; each != NULL && each->name != NULL; each++)
        free((void *)(uintptr_t)each->name);
    free(arguments);
}

static stockade_status begin(struct echo *echo, stockade_value task, const char *name, stockade_value value,
                             const stockade_options *options, stockade_pending **pending, stockade_error **error) {
    char *command = stockade_text_copy(stockade_get(task, "command"));
    stockade_argument *arguments = arguments_of(stockade_get(task, "arguments"), name, value);
    stockade_status status = stockade_call(echo->core, command, arguments, options, pending, error);
    arguments_free(arguments);
    free(command);
    return status;
}

static int64_t number(stockade_value map, const char *key, int64_t otherwise) {
    int64_t found = otherwise;
    stockade_as_int(stockade_get(map, key), &found);
    return found;
}

static bool flag(stockade_value map, const char *key, bool otherwise) {
    bool found = otherwise;
    stockade_as_bool(stockade_get(map, key), &found);
    return found;
}

/* Wait for the answer of a call, and put its outcome. */
static stockade_status put_answer(stockade_writer *report, stockade_pending *pending) {
    stockade_owned result = {0};
    stockade_error *error = NULL;
    stockade_status status = stockade_pending_result(pending, &result, &error);
    put_outcome(report, &result, error);
    stockade_pending_free(pending);
    return status;
}

/* -- tasks: each puts its report, and returns a status that counts only if it is an end ---------------------------------- */

typedef stockade_status doing(struct echo *echo, stockade_value task, stockade_writer *report);

static stockade_status do_invoke(struct echo *echo, stockade_value task, stockade_writer *report) {
    char *trace = stockade_text_copy(stockade_get(task, "trace"));
    stockade_options options = {.timeout = number(task, "timeout", 0),
                                .no_wait = !flag(task, "wait", true),
                                .idempotent = flag(task, "idempotent", false),
                                .trace = trace};
    stockade_pending *pending = NULL;
    stockade_error *error = NULL;
    stockade_owned none = {0};
    stockade_status status = begin(echo, task, NULL, stockade_null(), &options, &pending, &error);
    stockade_open_map(report);
    if (status == STOCKADE_OK)
        status = put_answer(report, pending);
    else
        put_outcome(report, &none, error);
    stockade_shut(report);
    free(trace);
    return status;
}

static stockade_status do_calls(struct echo *echo, stockade_value task, stockade_writer *report) {
    char *command = stockade_text_copy(stockade_get(task, "command"));
    stockade_value each = stockade_get(task, "each"), arguments;
    stockade_iterator all = stockade_iterate(each);
    size_t count = 0;
    stockade_status status = STOCKADE_OK;
    stockade_pending **pending = calloc(stockade_count(each) + 1, sizeof *pending);
    stockade_error **errors = calloc(stockade_count(each) + 1, sizeof *errors);
    while (stockade_next(&all, NULL, &arguments)) {
        stockade_argument *list = arguments_of(arguments, NULL, stockade_null());
        status = stockade_call(echo->core, command, list, NULL, &pending[count], &errors[count]);
        arguments_free(list);
        count++;
    }
    stockade_open_map(report);
    stockade_put_key(report, "outcomes");
    stockade_open_array(report);
    for (size_t at = 0; at < count; at++) {
        stockade_owned none = {0};
        stockade_open_map(report);
        if (pending[at] != NULL)
            status = put_answer(report, pending[at]);
        else
            put_outcome(report, &none, errors[at]);
        stockade_shut(report);
    }
    stockade_shut(report);
    stockade_shut(report);
    free(errors);
    free(pending);
    free(command);
    return status;
}

static stockade_status do_cancel(struct echo *echo, stockade_value task, stockade_writer *report) {
    stockade_pending *pending = NULL;
    stockade_error *error = NULL;
    stockade_owned none = {0};
    stockade_status status = begin(echo, task, NULL, stockade_null(), NULL, &pending, &error);
    stockade_open_map(report);
    if (status != STOCKADE_OK) {
        put_outcome(report, &none, error);
    } else {
        status = stockade_invoke(echo->core, "certify.now", NULL, NULL, NULL, NULL);
        stockade_pending_cancel(pending);
        if (!stockade_is_end(status))
            status = put_answer(report, pending);
        else
            stockade_pending_free(pending);
    }
    stockade_shut(report);
    return status;
}

/* Write a value anew, piece by piece: arrays and maps would else go on as the very bytes that came. */
static void put_anew(stockade_writer *report, stockade_value value) { // NOLINT(misc-no-recursion): 32 deep at most
    if (value.kind != STOCKADE_ARRAY && value.kind != STOCKADE_MAP) {
        stockade_put(report, value);
        return;
    }
    stockade_iterator each = stockade_iterate(value);
    stockade_value key;
    stockade_value item;
    value.kind == STOCKADE_MAP ? stockade_open_map(report) : stockade_open_array(report);
    while (stockade_next(&each, &key, &item)) {
        if (value.kind == STOCKADE_MAP)
            stockade_put_key_n(report, key.as.text.data, key.as.text.size);
        put_anew(report, item);
    }
    stockade_shut(report);
}

static stockade_status do_echo(struct echo *echo, stockade_value task, stockade_writer *report) {
    (void)echo;
    stockade_open_map(report);
    stockade_put_key(report, "values");
    put_anew(report, stockade_get(task, "values"));
    stockade_shut(report);
    return STOCKADE_OK;
}

static stockade_status do_bytes(struct echo *echo, stockade_value task, stockade_writer *report) {
    char *name = stockade_text_copy(stockade_get(task, "argument"));
    size_t size = (size_t)number(task, "size", 0);
    unsigned char *bytes = malloc(size + 1);
    for (size_t at = 0; bytes != NULL && at < size; at++)
        bytes[at] = (unsigned char)(at % 251);
    stockade_pending *pending = NULL;
    stockade_error *error = NULL;
    stockade_owned none = {0};
    stockade_status status = begin(echo, task, name, stockade_bytes(bytes, size), NULL, &pending, &error);
    stockade_open_map(report);
    if (status == STOCKADE_OK)
        status = put_answer(report, pending);
    else
        put_outcome(report, &none, error);
    stockade_shut(report);
    free(bytes);
    free(name);
    return status;
}

/* Receive to the end, or `take` items and then drop it; what it ended with, if not well. */
static stockade_error *put_items(stockade_writer *report, stockade_receiver *receiver, int64_t take) {
    stockade_error *error = NULL;
    stockade_owned item = {0};
    stockade_put_key(report, "items");
    stockade_open_array(report);
    for (int64_t taken = 0; take < 0 || taken < take; taken++) {
        if (stockade_receive(receiver, &item, &error) != STOCKADE_OK)
            break;
        stockade_put(report, item.value);
        stockade_release(&item);
    }
    stockade_shut(report);
    stockade_drop(receiver);
    return error;
}

static stockade_status do_stream(struct echo *echo, stockade_value task, stockade_writer *report) {
    stockade_receiver *receiver = NULL;
    stockade_pending *pending = NULL;
    stockade_error *error = NULL;
    stockade_status status = stockade_receive_channel(echo->core, 0, &receiver, &error);
    if (status == STOCKADE_OK) /* as stockade_stream does, but the answer of the call is waited for too */
        status = begin(echo, task, "yield", stockade_receiving(receiver), NULL, &pending, &error);
    stockade_open_map(report);
    if (status == STOCKADE_OK) {
        error = put_items(report, receiver, number(task, "take", -1));
        status = stockade_pending_result(pending, NULL, NULL);
    } else {
        stockade_put_key(report, "items");
        stockade_open_array(report);
        stockade_shut(report);
    }
    put_error_if(report, "error", error);
    stockade_shut(report);
    stockade_receiver_free(receiver);
    stockade_pending_free(pending);
    return status;
}

static stockade_status finish_sending(stockade_sender *sender, stockade_value task) {
    stockade_value finish = stockade_get(task, "finish"), none = {0};
    if (stockade_is_text(finish, "end"))
        return stockade_end(sender, NULL);
    if (!stockade_is_text(finish, "fail"))
        return STOCKADE_OK;
    stockade_error *why = stockade_error_new("certify.stopped", "as asked", none);
    stockade_status status = stockade_fail(sender, why, NULL);
    stockade_error_free(why);
    return status;
}

static stockade_status do_send(struct echo *echo, stockade_value task, stockade_writer *report) {
    stockade_sender *sender = NULL;
    stockade_pending *pending = NULL;
    stockade_error *error = NULL;
    stockade_owned none = {0};
    stockade_value item;
    int64_t sent = 0;
    stockade_iterator items = stockade_iterate(stockade_get(task, "items"));
    stockade_status status = stockade_send_channel(echo->core, &sender, &error);
    if (status == STOCKADE_OK)
        status = begin(echo, task, "items", stockade_sending(sender), NULL, &pending, &error);
    stockade_open_map(report);
    if (status == STOCKADE_OK) {
        while (stockade_next(&items, NULL, &item) && stockade_send(sender, item, NULL) == STOCKADE_OK)
            sent++;
        finish_sending(sender, task);
        stockade_sender_free(sender); /* `leave`: then it ends by itself */
        status = put_answer(report, pending);
    } else {
        put_outcome(report, &none, error);
        stockade_sender_free(sender);
    }
    stockade_put_pair(report, "sent", stockade_int(sent));
    stockade_shut(report);
    return status;
}

static stockade_status do_receive(struct echo *echo, stockade_value task, stockade_writer *report) {
    stockade_receiver *receiver = NULL;
    stockade_pending *pending = NULL;
    stockade_error *error = NULL;
    stockade_owned none = {0};
    stockade_status status =
        stockade_receive_channel(echo->core, (uint64_t)number(task, "credit", 0), &receiver, &error);
    if (status == STOCKADE_OK)
        status = begin(echo, task, "items", stockade_receiving(receiver), NULL, &pending, &error);
    stockade_open_map(report);
    if (status == STOCKADE_OK) {
        error = put_items(report, receiver, number(task, "take", -1));
        put_error_if(report, "ended", error);
        status = put_answer(report, pending);
    } else {
        put_outcome(report, &none, error);
    }
    stockade_shut(report);
    stockade_receiver_free(receiver);
    return status;
}

/* -- events ----------------------------------------------------------------------------------------------------------- */

static stockade_status keep(const stockade_event *event, void *user) {
    struct echo *echo = user;
    struct kept *events = realloc(echo->events, (echo->event_count + 1) * sizeof *events);
    if (events == NULL)
        return STOCKADE_NO_MEMORY;
    echo->events = events;
    struct kept *kept = &events[echo->event_count++];
    kept->name = copy(event->name);
    kept->source = copy(event->source);
    kept->payload = stockade_writer_new();
    stockade_put(kept->payload, event->payload);
    return STOCKADE_OK;
}

static stockade_status do_listen(struct echo *echo, stockade_value task, stockade_writer *report) {
    char *topic = stockade_text_copy(stockade_get(task, "topic"));
    stockade_subscription *subscription = NULL;
    stockade_error *error = NULL;
    stockade_status status = flag(task, "once", false)
                                 ? stockade_once(echo->core, topic, keep, echo, NULL, &subscription, &error)
                                 : stockade_listen(echo->core, topic, keep, echo, NULL, &subscription, &error);
    stockade_open_map(report);
    put_error_if(report, "error", error);
    stockade_shut(report);
    struct listening *all =
        status == STOCKADE_OK ? realloc(echo->listening, (echo->listening_count + 1) * sizeof *all) : NULL;
    if (all == NULL) {
        stockade_unlisten(subscription);
        free(topic);
        return status;
    }
    echo->listening = all;
    all[echo->listening_count].topic = topic;
    all[echo->listening_count++].subscription = subscription;
    return status;
}

static stockade_status do_unlisten(struct echo *echo, stockade_value task, stockade_writer *report) {
    for (size_t at = 0; at < echo->listening_count; at++) {
        if (!stockade_is_text(stockade_get(task, "topic"), echo->listening[at].topic))
            continue;
        stockade_unlisten(echo->listening[at].subscription);
        free(echo->listening[at].topic);
        echo->listening[at--] = echo->listening[--echo->listening_count];
    }
    stockade_open_map(report);
    stockade_shut(report);
    return STOCKADE_OK;
}

static void forget_events(struct echo *echo) {
    for (size_t at = 0; at < echo->event_count; at++) {
        free(echo->events[at].name);
        free(echo->events[at].source);
        stockade_writer_free(echo->events[at].payload);
    }
    echo->event_count = 0;
}

static stockade_status do_events(struct echo *echo, stockade_value task, stockade_writer *report) {
    size_t count = (size_t)number(task, "count", 0);
    stockade_status status = STOCKADE_OK;
    while (echo->event_count < count && status == STOCKADE_OK && !stockade_stopping(echo->core))
        status = stockade_poll(echo->core, STOCKADE_FOREVER, NULL, NULL);
    stockade_open_map(report);
    stockade_put_key(report, "events");
    stockade_open_array(report);
    for (size_t at = 0; at < echo->event_count; at++) {
        stockade_value payload = {0};
        if (stockade_writer_value(echo->events[at].payload, &payload, NULL) != STOCKADE_OK)
            continue;
        stockade_open_map(report);
        stockade_put_pair(report, "name", stockade_text(echo->events[at].name));
        stockade_put_pair(report, "source", stockade_text(echo->events[at].source));
        stockade_put_pair(report, "payload", payload);
        stockade_shut(report);
    }
    stockade_shut(report);
    stockade_put_pair(report, "missed", stockade_int((int64_t)stockade_missed(echo->core)));
    stockade_shut(report);
    forget_events(echo);
    return status;
}

static stockade_status do_emit(struct echo *echo, stockade_value task, stockade_writer *report) {
    char *event = stockade_text_copy(stockade_get(task, "event")), *to = stockade_text_copy(stockade_get(task, "to"));
    stockade_error *error = NULL;
    stockade_status status =
        stockade_emit(echo->core, event, stockade_get(task, "payload"), &(stockade_emit_options){.to = to}, &error);
    stockade_open_map(report);
    put_error_if(report, "error", error);
    stockade_shut(report);
    free(to);
    free(event);
    return status;
}

/* -- exports ---------------------------------------------------------------------------------------------------------- */

static stockade_status echo_value(stockade_handling *handling, void *user) {
    (void)user;
    return stockade_answer(handling, stockade_handling_argument(handling, "value"), NULL);
}

static stockade_status echo_fail(stockade_handling *handling, void *user) {
    (void)user;
    char *code = stockade_text_copy(stockade_handling_argument(handling, "code"));
    char *message = stockade_text_copy(stockade_handling_argument(handling, "message"));
    stockade_status status =
        stockade_answer_error(handling, code, message, stockade_handling_argument(handling, "data"));
    free(message);
    free(code);
    return status;
}

static stockade_status echo_crash(stockade_handling *handling, void *user) {
    (void)handling;
    (void)user;
    return STOCKADE_FAILED;
}

static stockade_status echo_wait(stockade_handling *handling, void *user) {
    (void)user;
    stockade_error *why = NULL;
    const struct timespec work = {0, 1000000};
    while (stockade_handling_check(handling, &why) == STOCKADE_OK)
        nanosleep(&work, NULL);
    stockade_status status = stockade_error_status(why);
    if (!stockade_is_end(status))
        status = stockade_answer_with(handling, why);
    stockade_error_free(why);
    return status;
}

static stockade_status echo_call(stockade_handling *handling, void *user) {
    struct echo *echo = user;
    char *command = stockade_text_copy(stockade_handling_argument(handling, "command"));
    stockade_argument *arguments =
        arguments_of(stockade_handling_argument(handling, "arguments"), NULL, stockade_null());
    stockade_owned result = {0};
    stockade_error *error = NULL;
    stockade_status status = stockade_invoke(echo->core, command, arguments, NULL, &result, &error);
    if (status == STOCKADE_OK)
        stockade_answer(handling, result.value, NULL);
    else if (!stockade_is_end(status))
        status = stockade_answer_with(handling, error);
    stockade_release(&result);
    stockade_error_free(error);
    arguments_free(arguments);
    free(command);
    return status;
}

static stockade_status echo_emit(stockade_handling *handling, void *user) {
    struct echo *echo = user;
    char *event = stockade_text_copy(stockade_handling_argument(handling, "event"));
    stockade_error *error = NULL;
    stockade_status status =
        stockade_emit(echo->core, event, stockade_handling_argument(handling, "payload"), NULL, &error);
    if (status != STOCKADE_OK && !stockade_is_end(status))
        status = stockade_answer_with(handling, error);
    stockade_error_free(error);
    free(event);
    return status;
}

static stockade_status echo_enough(stockade_handling *handling, void *user) {
    (void)handling;
    ((struct echo *)user)->enough = true;
    return STOCKADE_OK;
}

static int64_t count_of(const stockade_handling *handling) {
    int64_t count = 0;
    stockade_as_int(stockade_handling_argument(handling, "n"), &count);
    return count;
}

static stockade_status echo_count(stockade_handling *handling, void *user) {
    (void)user;
    int64_t count = count_of(handling);
    stockade_status status = STOCKADE_OK;
    for (int64_t at = 0; at < count && status == STOCKADE_OK; at++)
        status = stockade_yield(handling, stockade_int(at), NULL);
    return status;
}

static stockade_status echo_break(stockade_handling *handling, void *user) {
    stockade_value none = {0};
    stockade_status status = echo_count(handling, user);
    return status == STOCKADE_OK ? stockade_answer_error(handling, "echo.broken", "as asked", none) : status;
}

static stockade_status echo_sum(stockade_handling *handling, void *user) {
    (void)user;
    stockade_value items = stockade_handling_argument(handling, "items");
    stockade_error *error = NULL;
    stockade_owned item = {0};
    stockade_status status = STOCKADE_OK;
    int64_t sum = 0, one = 0;
    if (items.kind != STOCKADE_RECEIVER)
        return stockade_answer_error(handling, STOCKADE_CODE_INVALID_ARGS, "items is no channel", stockade_null());
    while ((status = stockade_receive(items.as.receiver, &item, &error)) == STOCKADE_OK) {
        if (stockade_as_int(item.value, &one))
            sum += one;
        stockade_release(&item);
    }
    if (status == STOCKADE_DONE)
        status = stockade_answer(handling, stockade_int(sum), NULL);
    else if (!stockade_is_end(status))
        status = stockade_answer_with(handling, error);
    stockade_error_free(error);
    return status;
}

static stockade_status echo_send(stockade_handling *handling, void *user) {
    (void)user;
    stockade_value items = stockade_handling_argument(handling, "items");
    stockade_error *error = NULL;
    stockade_status status = STOCKADE_OK;
    int64_t count = count_of(handling);
    if (items.kind != STOCKADE_SENDER)
        return stockade_answer_error(handling, STOCKADE_CODE_INVALID_ARGS, "items is no channel", stockade_null());
    for (int64_t at = 0; at < count && status == STOCKADE_OK; at++)
        status = stockade_send(items.as.sender, stockade_int(at), &error);
    if (status == STOCKADE_OK || stockade_sender_dropped(items.as.sender)) {
        stockade_end(items.as.sender, NULL);
        status = stockade_answer(handling, stockade_int(count), NULL);
    } else if (!stockade_is_end(status)) {
        status = stockade_answer_with(handling, error);
    }
    stockade_error_free(error);
    return status;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct {
    const char *command;
    stockade_handler handler;
    stockade_export_options options;
} EXPORTS[] = {
    {"echo.value", echo_value, {.idempotent = true, .arguments = NAMES("value")}},
    {"echo.fail", echo_fail, {.arguments = NAMES("code", "message", "data?")}},
    {"echo.crash", echo_crash, {.arguments = NAMES(NULL)}},
    {"echo.wait", echo_wait, {.arguments = NAMES(NULL)}},
    {"echo.call", echo_call, {.arguments = NAMES("command", "arguments")}},
    {"echo.emit", echo_emit, {.arguments = NAMES("event", "payload?")}},
    {"echo.enough", echo_enough, {.arguments = NAMES(NULL)}},
    {"echo.count", echo_count, {.streams = true, .arguments = NAMES("n")}},
    {"echo.break", echo_break, {.streams = true, .arguments = NAMES("n")}},
    {"echo.sum", echo_sum, {.arguments = NAMES("items")}},
    {"echo.send", echo_send, {.arguments = NAMES("n", "items")}},
};

static stockade_status do_serve(struct echo *echo, stockade_value task, stockade_writer *report) {
    (void)task;
    stockade_status status = STOCKADE_OK;
    while (!echo->enough && status == STOCKADE_OK && !stockade_stopping(echo->core))
        status = stockade_poll(echo->core, STOCKADE_FOREVER, NULL, NULL);
    echo->enough = false;
    stockade_open_map(report);
    stockade_shut(report);
    return status;
}

/* -- the loop --------------------------------------------------------------------------------------------------------- */

static stockade_status do_unknown(struct echo *echo, stockade_value task, stockade_writer *report) {
    (void)echo;
    (void)task;
    stockade_open_map(report);
    stockade_put_key(report, "error");
    stockade_open_map(report);
    stockade_put_pair(report, "code", stockade_text("certify.unknown"));
    stockade_put_pair(report, "message", stockade_text("a task that this worker does not know"));
    stockade_shut(report);
    stockade_shut(report);
    return STOCKADE_OK;
}

static const struct {
    const char *name;
    doing *task;
} TASKS[] = {
    {"invoke", do_invoke}, {"calls", do_calls},       {"cancel", do_cancel}, {"echo", do_echo},
    {"bytes", do_bytes},   {"stream", do_stream},     {"send", do_send},     {"receive", do_receive},
    {"listen", do_listen}, {"unlisten", do_unlisten}, {"events", do_events}, {"emit", do_emit},
    {"serve", do_serve},
};

static doing *task_of(stockade_value task) {
    for (size_t at = 0; at < sizeof TASKS / sizeof *TASKS; at++) {
        if (stockade_is_text(stockade_get(task, "do"), TASKS[at].name))
            return TASKS[at].task;
    }
    return do_unknown;
}

/* Ask for the next task: the first time with what this worker offers. */
static stockade_status next(struct echo *echo, const char *name, stockade_writer *said, stockade_owned *task) {
    stockade_value value;
    stockade_status status = stockade_writer_value(said, &value, NULL);
    if (status == STOCKADE_OK)
        status = stockade_invoke(echo->core, "certify.next", STOCKADE_ARGS({name, value}),
                                 &(stockade_options){.timeout = STOCKADE_FOREVER}, task, NULL);
    stockade_writer_reset(said);
    return status;
}

static stockade_status obey(struct echo *echo, stockade_writer *report) {
    stockade_owned task = {0};
    stockade_open_array(report);
    for (size_t at = 0; at < sizeof OFFERS / sizeof *OFFERS; at++)
        stockade_put(report, stockade_text(OFFERS[at]));
    stockade_shut(report);
    stockade_status status = next(echo, "offers", report, &task);
    while (status == STOCKADE_OK) {
        stockade_value what = stockade_get(task.value, "do");
        if (stockade_is_text(what, "leave") || stockade_is_text(what, "run")) {
            status = stockade_is_text(what, "run") ? stockade_run(echo->core, NULL) : STOCKADE_OK;
            break;
        }
        stockade_status done = task_of(task.value)(echo, task.value, report);
        stockade_release(&task);
        status = stockade_is_end(done) ? done : next(echo, "report", report, &task);
    }
    stockade_release(&task);
    return status;
}

int main(void) {
    struct echo echo = {0};
    stockade_writer *report = stockade_writer_new();
    stockade_status status = stockade_connect(&echo.core, NULL, NULL);
    for (size_t at = 0; status == STOCKADE_OK && at < sizeof EXPORTS / sizeof *EXPORTS; at++)
        status = stockade_export(echo.core, EXPORTS[at].command, EXPORTS[at].handler, &echo, NULL, &EXPORTS[at].options,
                                 NULL);
    if (status == STOCKADE_OK)
        status = stockade_ready(echo.core, NULL);
    if (status == STOCKADE_OK)
        status = obey(&echo, report);
    if (status == STOCKADE_OK)
        status = stockade_close(echo.core, NULL);
    stockade_free(echo.core);
    forget_events(&echo);
    for (size_t at = 0; at < echo.listening_count; at++) {
        stockade_unlisten(echo.listening[at].subscription);
        free(echo.listening[at].topic);
    }
    free(echo.listening);
    free(echo.events);
    stockade_writer_free(report);
    return stockade_exit_status(status);
}
