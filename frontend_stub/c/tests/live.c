/* How a worker ends, and what handlers may do: real processes, and a core that is told what to say. This program is its
 * own workers: `live worker NAME`. */
#include "core.h"

/* -- workers ---------------------------------------------------------------------------------------------------------- */

/* Calls, and never has an answer. */
static stockade_status work_call(stockade_core *core) {
    return stockade_invoke(core, "never", NULL, NULL, NULL, NULL);
}

/* The same inside a handler. */
static stockade_status call_in_handler(stockade_handling *handling, void *user) {
    (void)user;
    return stockade_invoke(stockade_handling_core(handling), "never", NULL, NULL, NULL, NULL);
}

static stockade_status work_handle(stockade_core *core) {
    stockade_status status = stockade_export(core, "tested.do", call_in_handler, NULL, NULL, NULL, NULL);
    return status == STOCKADE_OK ? stockade_run(core, NULL) : status;
}

/* A handler that fails without an answer; the worker goes on. */
static stockade_status fail(stockade_handling *handling, void *user) {
    (void)handling;
    (void)user;
    return STOCKADE_FAILED;
}

static stockade_status work_fail(stockade_core *core) {
    stockade_status status = stockade_export(core, "tested.do", fail, NULL, NULL, NULL, NULL);
    return status == STOCKADE_OK ? stockade_run(core, NULL) : status;
}

static void count_down(void *user) {
    --*(int *)user;
}

static stockade_status react(const stockade_event *event, void *user) {
    int *count = user;
    *count += 10;
    return stockade_is_text(event->payload, "fail") ? STOCKADE_FAILED : STOCKADE_OK;
}

/* Listens once, then to all; what a handler returns comes out of run. Destroys what it was given. */
static stockade_status work_listen(stockade_core *core) {
    int once = 1, always = 1;
    stockade_subscription *subscription = NULL;
    stockade_status status = stockade_once(core, "notes/changed", react, &once, count_down, &subscription, NULL);
    if (status == STOCKADE_OK)
        status = stockade_listen(core, "notes/", react, &always, count_down, NULL, NULL);
    if (status == STOCKADE_OK)
        status = stockade_run(core, NULL);
    stockade_status closed = stockade_close(core, NULL);
    stockade_free(core);
    stockade_unlisten(subscription); /* after its connection */
    return status == STOCKADE_FAILED && closed == STOCKADE_OK && once == 10 && always == 20 ? STOCKADE_DONE : status;
}

static void *elsewhere(void *core) {
    stockade_status status = stockade_emit(core, "a", stockade_null(), NULL, NULL);
    return (void *)(uintptr_t)(status == STOCKADE_MISUSE && stockade_close(core, NULL) == STOCKADE_MISUSE);
}

/* Misuses that are said, and change nothing. */
static stockade_status work_misuse(stockade_core *core) {
    pthread_t thread;
    void *was_refused = NULL;
    stockade_sender *sender = NULL;
    stockade_error *error = NULL;
    pthread_create(&thread, NULL, elsewhere, core);
    pthread_join(thread, &was_refused);
    bool is_well = was_refused != NULL;
    is_well = is_well && stockade_send_channel(core, &sender, NULL) == STOCKADE_OK;
    is_well = is_well && stockade_send(sender, stockade_int(1), &error) == STOCKADE_MISUSE && error != NULL;
    stockade_error_free(error);
    is_well = is_well && stockade_emit(core, "a", stockade_sending(sender), NULL, NULL) == STOCKADE_UNENCODABLE;
    is_well = is_well && stockade_emit(core, "no/", stockade_null(), NULL, NULL) == STOCKADE_MISUSE;
    is_well = is_well && stockade_invoke(core, "c", STOCKADE_ARGS({"a", stockade_int(1)}, {"a", stockade_int(2)}), NULL,
                                         NULL, NULL) == STOCKADE_UNENCODABLE;
    is_well = is_well && stockade_ready(core, NULL) == STOCKADE_OK;
    is_well = is_well && stockade_export(core, "late", fail, NULL, NULL, NULL, NULL) == STOCKADE_MISUSE;
    stockade_pending *pending = NULL;
    is_well = is_well && stockade_call(core, "c", NULL, NULL, &pending, NULL) == STOCKADE_OK;
    stockade_status status = stockade_close(core, NULL);
    stockade_free(core); /* its children live on, and say that it is closed */
    is_well = is_well && stockade_pending_result(pending, NULL, NULL) == STOCKADE_CLOSED;
    is_well = is_well && stockade_send(sender, stockade_int(1), NULL) == STOCKADE_CLOSED;
    stockade_pending_free(pending);
    stockade_sender_free(sender);
    return is_well ? status : STOCKADE_FAILED;
}

static const struct {
    const char *name;
    stockade_status (*work)(stockade_core *core);
    bool frees;
} WORKERS[] = {
    {"call", work_call, false},    {"handle", work_handle, false}, {"fail", work_fail, false},
    {"listen", work_listen, true}, {"misuse", work_misuse, true},
};

static int work(const char *name) {
    stockade_core *core = NULL;
    stockade_status status = stockade_connect(&core, NULL, NULL);
    for (size_t each = 0; status == STOCKADE_OK && each < sizeof WORKERS / sizeof *WORKERS; each++) {
        if (strcmp(WORKERS[each].name, name) != 0)
            continue;
        status = WORKERS[each].work(core);
        core = WORKERS[each].frees ? NULL : core;
        break;
    }
    stockade_free(core);
    return stockade_exit_status(status);
}

/* -- tests ------------------------------------------------------------------------------------------------------------ */

static void start(struct core *core, const char *worker) {
    char *const arguments[] = {"/proc/self/exe", "worker", (char *)(uintptr_t)worker, NULL};
    harness_case = worker;
    core_start(core, arguments);
}

/* Started, welcomed, and it has made its call. */
static void start_calling(struct core *core) {
    start(core, "call");
    core_welcome(core);
    core_expect(core, "call");
}

static void test_lifeline_ends_within_a_call(void) {
    struct core core;
    start_calling(&core);
    int64_t began = clock_now();
    core_end_lifeline(&core);
    CHECK(core_status(&core) == 0);
    CHECK(clock_now() - began < 2000 * MILLISECOND);
    core_end(&core);
}

static void test_lifeline_ends_before_the_welcome(void) {
    struct core core;
    start(&core, "call");
    core_expect(&core, "hello");
    core_end_lifeline(&core);
    CHECK(core_status(&core) == 0);
    core_end(&core);
}

static void test_lifeline_ends_within_a_handler(void) {
    struct core core;
    start(&core, "handle");
    core_welcome(&core);
    core_expect(&core, "ready");
    core_say(&core, "[[\"call\", 1, \"tested.do\", {}]]");
    stockade_value call = core_expect(&core, "call");
    CHECK(at(stockade_get(at(call, 4), "parent"), 0).kind == STOCKADE_MISSING);
    CHECK(stockade_get(at(call, 4), "parent").as.integer == 1);
    core_end_lifeline(&core);
    CHECK(core_status(&core) == 0);
    core_end(&core);
}

static void test_worker_is_killed(void) {
    struct core core;
    start_calling(&core);
    kill(core.worker, SIGKILL);
    CHECK(core_status(&core) == -SIGKILL);
    core_end(&core);
}

static void test_core_vanishes(void) {
    struct core core;
    start_calling(&core);
    core_vanish(&core);
    CHECK(core_status(&core) == 1);
    core_end(&core);
}

static void test_core_says(const char *what, int status) {
    struct core core;
    start_calling(&core);
    core_say(&core, what);
    CHECK(core_status(&core) == status);
    core_end(&core);
}

static void test_core_refuses(void) {
    struct core core;
    start(&core, "call");
    core_expect(&core, "hello");
    core_say(&core, "[[\"refused\", {\"code\": \"unavailable\", \"message\": \"no\"}]]");
    CHECK(core_status(&core) == 1);
    core_end(&core);
}

static void test_started_by_hand(void) {
    pid_t child = fork();
    if (child == 0) {
        unsetenv("STOCKADE_SOCKETS");
        execl("/proc/self/exe", "live", "worker", "call", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    harness_case = "by hand";
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

static void test_handler_fails(void) {
    struct core core;
    start(&core, "fail");
    core_welcome(&core);
    core_expect(&core, "ready");
    core_say(&core, "[[\"call\", 1, \"tested.do\", {}]]");
    stockade_value error = at(core_expect(&core, "error"), 2);
    CHECK(stockade_is_text(stockade_get(error, "code"), "failed"));
    CHECK(stockade_is_text(stockade_get(stockade_get(error, "data"), "reference"), "tested/1"));
    core_say(&core, "[[\"stop\", {\"grace\": 1000}]]");
    core_expect(&core, "bye");
    core_say(&core, "[[\"bye\", {\"emitted\": 0}]]");
    CHECK(core_status(&core) == 0);
    core_end(&core);
}

/* Answer a subscription, which is on the XPUB. */
static void grant_subscription(struct core *core, const char *topic) {
    char said[64], answer[96];
    int size = zmq_recv(core->events, said, sizeof said, 0);
    CHECK(size == (int)strlen(topic) + 1 && said[0] == 1 && memcmp(said + 1, topic, strlen(topic)) == 0);
    snprintf(answer, sizeof answer, "[[\"listening\", \"%s\"]]", topic);
    core_say(core, answer);
}

static void send_event(struct core *core, const char *topic, const char *body_hex) {
    struct buffer frame = {0}, body = bytes_of(body_hex);
    buffer_put(&frame, topic, strlen(topic));
    buffer_put(&frame, body.data, body.size);
    zmq_send(core->events, frame.data, frame.size, 0);
    buffer_free(&frame);
    buffer_free(&body);
}

static void test_listening(void) {
    struct core core;
    start(&core, "listen");
    core_welcome(&core);
    grant_subscription(&core, "notes/changed|");
    grant_subscription(&core, "notes/");
    core_expect(&core, "ready");
    send_event(&core, "notes/changed|", "830164636f726501");
    send_event(&core, "notes/changed|", "830264636f7265646661696c"); /* "fail" */
    stockade_value bye = core_expect(&core, "bye");
    CHECK(stockade_get(at(bye, 1), "emitted").as.integer == 0);
    core_say(&core, "[[\"bye\", {\"emitted\": 0}]]");
    CHECK(core_status(&core) == 0);
    core_end(&core);
}

static void test_misuse(void) {
    struct core core;
    start(&core, "misuse");
    core_welcome(&core);
    core_expect(&core, "ready");
    core_hear(&core); /* the call and the bye, in one batch */
    core_say(&core, "[[\"bye\", {\"emitted\": 0}]]");
    CHECK(core_status(&core) == 0);
    core_end(&core);
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "worker") == 0)
        return work(arguments[2]);
    signal(SIGPIPE, SIG_IGN);
    test_lifeline_ends_within_a_call();
    test_lifeline_ends_before_the_welcome();
    test_lifeline_ends_within_a_handler();
    test_worker_is_killed();
    test_core_vanishes();
    test_core_says("[[\"breach\", {\"code\": \"bad_frame\", \"reason\": \"a test\"}]]", 1);
    test_core_says("[[\"result\", 7, null]]", 70);
    test_core_says("[[\"result\"]]", 70);
    test_core_refuses();
    test_started_by_hand();
    test_handler_fails();
    test_listening();
    test_misuse();
    return harness_report();
}
