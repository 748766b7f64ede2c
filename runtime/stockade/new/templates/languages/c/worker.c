/* The worker: a process of its own that shares nothing with the core, and can do no more than ask it. */
#include <inttypes.h>
#include <stdio.h>

#include <stockade.h>

static stockade_status signed_in(const stockade_event *event, void *user) {
    (void)user;
    const stockade_value name = stockade_get(event->payload, "name");
    if (name.kind == STOCKADE_TEXT)
        printf("%.*s has signed\n", (int)name.as.text.size, name.as.text.data);
    return STOCKADE_OK;
}

static stockade_status sign(stockade_core *core) {
    stockade_owned result = {0};
    int64_t guests = 0;
    stockade_status status =
        stockade_invoke(core, "guests.sign", STOCKADE_ARGS({"name", stockade_text("@@label")}), NULL, &result, NULL);
    if (status == STOCKADE_OK && stockade_as_int(result.value, &guests))
        printf("guests: %" PRId64 "\n", guests);
    stockade_release(&result);
    return status;
}

static stockade_status clear(stockade_core *core) {
    stockade_error *error = NULL;
    stockade_status status = stockade_invoke(core, "guests.clear", NULL, NULL, NULL, &error);
    if (status == STOCKADE_COMMAND) { /* an answer, though no result: the worker goes on */
        printf("refused: %s\n", stockade_error_code(error));
        status = STOCKADE_OK;
    }
    stockade_error_free(error);
    return status;
}

int main(void) {
    stockade_core *core = NULL;
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* each line goes to the log when it is printed */
    stockade_status status = stockade_connect(&core, NULL, NULL);
    if (status == STOCKADE_OK)
        status = stockade_listen(core, "guests/signed", signed_in, NULL, NULL, NULL, NULL);
    if (status == STOCKADE_OK)
        status = stockade_ready(core, NULL);
    if (status == STOCKADE_OK)
        status = sign(core);
    if (status == STOCKADE_OK)
        status = clear(core);
    if (status == STOCKADE_OK)
        status = stockade_run(core, NULL); /* handles events until the supervisor asks to stop */
    stockade_free(core);                   /* takes leave */
    return stockade_exit_status(status);
}
