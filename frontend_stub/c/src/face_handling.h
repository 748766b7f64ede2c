/* worker, its face: what a worker exports, and the handlers of the calls that come. */
#ifndef STOCKADE_SRC_FACE_HANDLING_H
#define STOCKADE_SRC_FACE_HANDLING_H

#include "face_events.h"

#define MOST_EXPORTS 1024

/* -- exporting -------------------------------------------------------------------------------------------------------- */

/* Characters of a text that is UTF-8. */
static size_t characters(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static stockade_status check_export(const stockade_core *core, const char *command, stockade_handler handler,
                                    stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    const struct session *session = &core->session;
    if (session->is_ready)
        return misuse(error, "what a worker exports is said with `ready`: export before that, and before run");
    if (command == NULL || handler == NULL || !is_utf8(command, strlen(command)) || characters(command) < 1 ||
        characters(command) > LONGEST_NAME)
        return misuse(error, "no command's name, which has 1 to 128 characters, or no handler");
    if (export_find(session, command, strlen(command)) != NULL)
        return misuse(error, "this command is exported already");
    if (session->export_count >= MOST_EXPORTS)
        return misuse(error, "a worker has 1024 exports at most");
    return STOCKADE_OK;
}

/* Copy the names of its arguments. False: no memory. */
static bool copy_arguments(struct export *export) {
    const char *const *names = export->options.arguments;
    size_t count = 0;
    export->options.arguments = NULL;
    if (names == NULL)
        return true;
    while (names[count] != NULL)
        count++;
    export->arguments = calloc(count + 1, sizeof *export->arguments);
    for (size_t at = 0; export->arguments != NULL && at < count; at++) {
        if ((export->arguments[at] = text_dup(names[at])) == NULL)
            return false;
    }
    return export->arguments != NULL;
}

static stockade_status add_export(struct session *session, const char *command, struct export export,
                                  stockade_error **error) {
    export.name = text_dup(command);
    struct export *all = realloc(session->exports, (session->export_count + 1) * sizeof *all);
    if (all != NULL)
        session->exports = all;
    if (!copy_arguments(&export) || export.name == NULL || all == NULL) {
        export_clear(&export);
        return error_give(error, without_memory());
    }
    all[session->export_count++] = export;
    return STOCKADE_OK;
}

stockade_status stockade_export(stockade_core *core, const char *command, stockade_handler handler, void *user,
                                stockade_destroy destroy, const stockade_export_options *options,
                                stockade_error **error) {
    struct export wanted = {.handler = handler, .user = user, .destroy = destroy};
    if (options != NULL)
        wanted.options = *options;
    if (wanted.options.concurrency == 0)
        wanted.options.concurrency = 1;
    stockade_status status = check_export(core, command, handler, error);
    if (status == STOCKADE_OK)
        status = add_export(&core->session, command, wanted, error);
    if (status != STOCKADE_OK && destroy != NULL)
        destroy(user);
    return status;
}

/* -- what a handler sees ---------------------------------------------------------------------------------------------- */

stockade_core *stockade_handling_core(const stockade_handling *handling) {
    return handling->core;
}
const char *stockade_handling_command(const stockade_handling *handling) {
    return handling->command;
}
const char *stockade_handling_caller(const stockade_handling *handling) {
    return handling->caller;
}
const char *stockade_handling_trace(const stockade_handling *handling) {
    return handling->trace;
}

int64_t stockade_handling_deadline(const stockade_handling *handling) {
    return milliseconds(handling->deadline, clock_now());
}

bool stockade_handling_cancelled(stockade_handling *handling) {
    if (handling->stopped == NULL && check(handling->core, NULL) == STOCKADE_OK)
        turn(handling->core, 0, false);
    return handling->stopped != NULL || handling->core->over != NULL;
}

stockade_status stockade_handling_check(stockade_handling *handling, stockade_error **error) {
    if (!stockade_handling_cancelled(handling))
        return STOCKADE_OK;
    if (handling->stopped != NULL)
        return error_give(error, error_copy(handling->stopped));
    return ended(handling->core, error);
}

stockade_value stockade_handling_argument(const stockade_handling *handling, const char *name) {
    stockade_value missing = {STOCKADE_MISSING, {0}};
    for (size_t at = 0; at < handling->argument_count; at++) {
        if (strcmp(handling->arguments[at].name, name) == 0)
            return handling->arguments[at].value;
    }
    return missing;
}

const stockade_argument *stockade_handling_arguments(const stockade_handling *handling, size_t *count) {
    if (count != NULL)
        *count = handling->argument_count;
    return handling->arguments;
}

/* -- answering -------------------------------------------------------------------------------------------------------- */

stockade_status stockade_answer(stockade_handling *handling, stockade_value result, stockade_error **error) {
    stockade_status status = check(handling->core, error);
    if (status != STOCKADE_OK)
        return status;
    struct session *session = &handling->core->session;
    if (handling->yield != NULL && !handling->done) {
        if (result.kind > STOCKADE_NULL)
            return misuse(error, "what streams has no result: yield it");
        channel_finish(session, handling->yield, NULL); /* a stream is whole when its result comes */
    }
    return handling_succeed(session, handling, result, error);
}

stockade_status stockade_answer_with(stockade_handling *handling, const stockade_error *why) {
    if (check(handling->core, NULL) != STOCKADE_OK)
        return STOCKADE_OK;
    if (why != NULL && why->status == STOCKADE_COMMAND) {
        handling_fail(&handling->core->session, handling, why);
        return STOCKADE_OK;
    }
    stockade_error *failed =
        error_of(STOCKADE_COMMAND, STOCKADE_CODE_FAILED, "the command failed: %s", why ? why->message : "");
    handling_fail(&handling->core->session, handling, failed);
    stockade_error_free(failed);
    return STOCKADE_OK;
}

stockade_status stockade_answer_error(stockade_handling *handling, const char *code, const char *message,
                                      stockade_value data) {
    stockade_error *error = stockade_error_new(code, message, data);
    stockade_answer_with(handling, error);
    stockade_error_free(error);
    return STOCKADE_OK;
}

stockade_status stockade_yield(stockade_handling *handling, stockade_value item, stockade_error **error) {
    if (handling->yield == NULL)
        return misuse(error, "this command does not stream: export it with `streams`");
    if (handling->stopped != NULL && !handling->yield->dropped)
        return error_give(error, error_copy(handling->stopped));
    stockade_error *why = NULL;
    stockade_status status = handling->yield->dropped ? STOCKADE_DONE : send_item(handling->yield, item, &why);
    if (handling->yield->dropped) {
        stockade_error_free(why);
        return STOCKADE_DONE;
    }
    return why != NULL ? error_give(error, why) : status;
}

/* -- running a handler ------------------------------------------------------------------------------------------------ */

/* Whether a stream is asked of what does not yield, or none of what does: then it is answered so. */
static bool refuses_stream(struct session *session, stockade_handling *handling) {
    bool streams = handling->export->options.streams, is_asked = handling->yield != NULL;
    if (streams == is_asked && (!is_asked || handling->yield->sends))
        return false;
    stockade_error *error = error_of(STOCKADE_COMMAND, STOCKADE_CODE_INVALID_ARGS, "%s %s", handling->command,
                                     streams ? "streams: ask for its stream" : "does not stream: invoke it");
    handling_fail(session, handling, error);
    stockade_error_free(error);
    return true;
}

static stockade_error *unfit(const char *what, const char *name) {
    char message[256];
    snprintf(message, sizeof message, "%s \"%s\"", what, name);
    stockade_error *error = error_plain(STOCKADE_COMMAND, STOCKADE_CODE_INVALID_ARGS, message);
    struct buffer data = {0};
    stockade_value map = {STOCKADE_MISSING, {0}};
    put_map(&data, 1);
    put_text(&data, "path");
    put_text(&data, name);
    if (!data.failed && wire_decode(data.data, data.size, &map) == NULL && error != &WITHOUT_MEMORY)
        error_set_data(error, map);
    buffer_free(&data);
    return error;
}

static bool names_argument(const char *declared, const char *name, size_t size) {
    return strncmp(declared, name, size) == 0 && (declared[size] == '\0' || strcmp(declared + size, "?") == 0);
}

/* Why the arguments are not those that the export names; NULL if they are. */
static stockade_error *unfit_arguments(const stockade_handling *handling) {
    char *const *declared = handling->export->arguments;
    for (size_t at = 0; declared != NULL && at < handling->argument_count; at++) {
        char *const *each = declared;
        const char *name = handling->arguments[at].name;
        while (*each != NULL && !names_argument(*each, name, strlen(name)))
            each++;
        if (*each == NULL)
            return unfit("there is no argument", name);
    }
    for (char *const *each = declared; each != NULL && *each != NULL; each++) {
        size_t size = strlen(*each);
        if ((size == 0 || (*each)[size - 1] != '?') &&
            stockade_handling_argument(handling, *each).kind == STOCKADE_MISSING)
            return unfit("it lacks the argument", *each);
    }
    return NULL;
}

static bool refuses_arguments(struct session *session, stockade_handling *handling) {
    stockade_error *error = unfit_arguments(handling);
    if (error == NULL)
        return false;
    handling_fail(session, handling, error);
    stockade_error_free(error);
    return true;
}

/* A handler that failed without an answer: the caller learns where the log has the reason. */
static void answer_failed(struct session *session, stockade_handling *handling, stockade_status status) {
    char reference[96], line[320];
    struct buffer data = {0};
    stockade_value map = {STOCKADE_MISSING, {0}};
    snprintf(reference, sizeof reference, "%s/%llu", session->label, (unsigned long long)handling->entry.key);
    snprintf(line, sizeof line, "%s failed (%s; reference %s)", handling->command, stockade_status_text(status),
             reference);
    tell(line);
    put_map(&data, 1);
    put_text(&data, "reference");
    put_text(&data, reference);
    if (!data.failed)
        wire_decode(data.data, data.size, &map);
    snprintf(line, sizeof line, "the command failed; the log of its worker has the reason as %s", reference);
    stockade_error *error =
        error_make(STOCKADE_COMMAND, STOCKADE_CODE_FAILED, strlen(STOCKADE_CODE_FAILED), line, strlen(line), map);
    handling_fail(session, handling, error);
    stockade_error_free(error);
    buffer_free(&data);
}

/* The handler has returned: answer what it has not answered. */
static void conclude(stockade_core *core, stockade_handling *handling, stockade_status status) {
    struct session *session = &core->session;
    if (handling->done || core->over != NULL)
        return;
    if (handling->stopped != NULL)
        handling_fail(session, handling, handling->stopped);
    else if (status == STOCKADE_OK || status == STOCKADE_DONE)
        stockade_answer(handling, stockade_null(), NULL);
    else
        answer_failed(session, handling, status);
}

/* Run the handler of an exported command, and answer. What ends the worker comes out alone. */
static stockade_status handle_call(stockade_core *core, stockade_handling *handling) {
    stockade_status status = STOCKADE_OK;
    core->serving = handling;
    if (!refuses_stream(&core->session, handling) && !refuses_arguments(&core->session, handling)) {
        status = handling->export->handler(handling, handling->export->user);
        conclude(core, handling, status);
    }
    core->serving = NULL;
    if (!handling->done)
        handling_done(&core->session, handling);
    handling_free(&core->session, handling);
    if (core->over == NULL)
        flush(core);
    return stockade_is_end(status) ? status : STOCKADE_OK;
}

#endif
