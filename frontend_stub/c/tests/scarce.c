/* Without memory nothing aborts, leaks or is read after it was freed: each allocation of a scene fails once, the first,
 * the second, the third ... and then all from there on. Under the sanitizers, which are the judges. */
#include "notation.h"

static size_t allowed;  /* allocations until they fail */
static bool fails_once; /* or from then on */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool is_there(void) {
    if (allowed == 0)
        return false;
    if (--allowed > 0)
        return true;
    if (fails_once)
        allowed = SIZE_MAX;
    return false;
}

void *__wrap_malloc(size_t size) {
    return is_there() ? __real_malloc(size) : NULL;
}
void *__wrap_calloc(size_t count, size_t size) {
    return is_there() ? __real_calloc(count, size) : NULL;
}
void *__wrap_realloc(void *memory, size_t size) {
    return is_there() ? __real_realloc(memory, size) : NULL;
}

/* -- the scene: nothing in it looks at what has come of the step before -------------------------------------------------- */

static void hear(struct session *session, const char *hex) {
    unsigned char bytes[512];
    size_t size = 0;
    struct frame *frame = frame_new();
    for (; hex[2 * size] != '\0'; size++) {
        unsigned byte = 0;
        sscanf(hex + 2 * size, "%2x", &byte);
        bytes[size] = (unsigned char)byte;
    }
    if (frame == NULL)
        return;
    zmq_msg_init_size(&frame->message, size);
    memcpy(zmq_msg_data(&frame->message), bytes, size);
    if (session->state != LEFT && session->end == NULL)
        session_receive(session, frame, NULL, 0, 0, NULL);
    frame_release(frame);
}

static void build(stockade_writer *writer) {
    stockade_value value = {STOCKADE_MISSING, {0}};
    stockade_error *error = NULL;
    stockade_open_map(writer);
    for (int at = 0; at < 40; at++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", at);
        stockade_put_pair(writer, key, stockade_text("some text that needs room"));
    }
    stockade_shut(writer);
    if (stockade_writer_value(writer, &value, &error) == STOCKADE_OK) {
        stockade_error *own = stockade_error_new("tested.code", "a message", value);
        stockade_error_free(own);
        const unsigned char *data = value.as.items.data;
        stockade_status status = stockade_decode(data, value.as.items.size, &value, &error);
        CHECK(status == STOCKADE_OK || error != NULL);
    }
    stockade_error_free(error);
}

static void call(struct session *session, struct channel *sender, struct channel *receiver) {
    static unsigned char large[RAW];
    stockade_pending *pending = NULL;
    stockade_error *error = NULL;
    const stockade_argument arguments[] = {{"a", stockade_text("b")},
                                           {"large", stockade_bytes(large, sizeof large)},
                                           {"out", stockade_sending((stockade_sender *)(void *)sender)},
                                           {"in", stockade_receiving((stockade_receiver *)(void *)receiver)},
                                           {NULL, stockade_null()}};
    const stockade_options options = {.timeout = 1000,
                                      .trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
    if (sender != NULL && receiver != NULL && session->state == OPEN)
        calls_ask(session, "tested", arguments, &options, NULL, options.trace, 1, &pending, &error);
    stockade_error_free(error);
    if (pending != NULL)
        pending_release(session, pending);
}

static void scene(void) {
    struct session session;
    stockade_writer *writer = stockade_writer_new();
    struct channel *sender = channel_new(true), *receiver = channel_new(false);
    if (receiver != NULL)
        receiver->window = receiver->granted = CREDIT;
    build(writer);
    stockade_writer_free(writer);
    if (session_init(&session, "editor", 1, "test/0", 16)) {
        struct export export = {.handler = NULL, .options = {.concurrency = 1}};
        add_export(&session, "e", export, NULL);
        session_hello(&session);
        hear(&session, /* welcome */
             "81826777656c636f6d65a66870726f746f636f6c0166776f726b657266656469746f726a67656e65726174696f6e0164636f72656"
             "130666c"
             "696d697473a8676d6573736167651a00010000656576656e741a00010000656261746368190400656361"
             "6c6c73184066746f7069637318406564657074681820686368616e6e656c731840666672616d6573183f666772616e7473a368636"
             "f6d6d61"
             "6e6473a265616c6c6f7781622a2a6464656e7980666c697374656ea265616c6c6f7781622a2a6464656e798064656d6974a265616"
             "c6c6f77"
             "81622a2a6464656e7980");
        topic_new(&session, "a|");
        call(&session, sender, receiver);
        hear(&session, "8183656572726f7201a264636f64656462757379676d6573736167656161"); /* busy: it is put off */
        session_wake(&session, 100 * MILLISECOND);
        hear(&session, "8183646974656d076474657874");     /* an item on the channel of the second try */
        hear(&session, "81846463616c6c016165a161616162"); /* the core calls the export */
        if (allowed > SIZE_MAX / 2 && !fails_once)        /* the first time: the scene goes as it is meant */
            CHECK(session.state == OPEN && session.end == NULL && session.tries == 1 && session.last_call == 2 &&
                  !chain_is_empty(&receiver->items) && session.handled_count == 1);
        stockade_handling *handling = handled_next(&session);
        if (handling != NULL) {
            stockade_error *error = NULL;
            handling_succeed(&session, handling, stockade_text("a result"), &error);
            stockade_error_free(error);
            if (!handling->done)
                handling_done(&session, handling);
            handling_free(&session, handling);
        }
        while (!chain_is_empty(&session.topics))
            topic_free(&session, topic_in(session.topics.behind));
        session_free(&session);
    }
    channel_release(sender);
    channel_release(receiver);
}

int main(void) {
    allowed = SIZE_MAX;
    scene();
    size_t needed = SIZE_MAX - allowed;
    for (int once = 0; once < 2; once++) {
        fails_once = once == 1;
        for (size_t each = 1; each <= needed; each++) {
            allowed = each;
            scene();
            harness_checks++;
        }
    }
    allowed = SIZE_MAX;
    CHECK(needed > 30);
    printf("%zu allocations, each failed once, and all from each on\n", needed);
    return harness_report();
}
