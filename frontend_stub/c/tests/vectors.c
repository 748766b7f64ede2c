/* Every vector of docs/vectors.json that a worker can be held to. */
#include "notation.h"

static json_t *vectors;

/* -- values ----------------------------------------------------------------------------------------------------------- */

static void test_decode(const json_t *vector) {
    struct buffer bytes = bytes_of(json_string_value(json_object_get(vector, "hex")));
    stockade_writer *writer = stockade_writer_new();
    stockade_value value = {0}, wanted = {0};
    put_notation(writer, json_object_get(vector, "value"));
    CHECK(stockade_decode(bytes.data, bytes.size, &value, NULL) == STOCKADE_OK);
    CHECK(stockade_writer_value(writer, &wanted, NULL) == STOCKADE_OK);
    CHECK(same(value, wanted));
    stockade_writer_free(writer);
    buffer_free(&bytes);
}

static bool has_float(const json_t *json) {
    char *text = json_dumps(json, JSON_ENCODE_ANY);
    bool has = strstr(text, "$float") != NULL;
    free(text);
    return has;
}

/* A value is written in its shortest form, but floats, which are all written with 64 bits. */
static void test_encode(const json_t *vector) {
    struct buffer bytes = bytes_of(json_string_value(json_object_get(vector, "hex")));
    stockade_writer *writer = stockade_writer_new();
    const unsigned char *data = NULL;
    size_t size = 0;
    stockade_value value = {0}, wanted = {0};
    put_notation(writer, json_object_get(vector, "value"));
    CHECK(stockade_writer_encoded(writer, &data, &size, NULL) == STOCKADE_OK);
    bool is_alike = size == bytes.size && memcmp(data, bytes.data, size) == 0;
    CHECK(is_alike || has_float(json_object_get(vector, "value")) ||
          json_is_object(json_object_get(vector, "value"))); /* the order of keys is jansson's */
    CHECK(stockade_decode(data, size, &value, NULL) == STOCKADE_OK);
    CHECK(stockade_decode(bytes.data, bytes.size, &wanted, NULL) == STOCKADE_OK && same(value, wanted));
    stockade_writer_free(writer);
    buffer_free(&bytes);
}

static void test_refuse(const json_t *vector) {
    struct buffer bytes = bytes_of(json_string_value(json_object_get(vector, "hex")));
    stockade_value value = {0};
    stockade_error *error = NULL;
    CHECK(stockade_decode(bytes.data, bytes.size, &value, &error) == STOCKADE_UNENCODABLE);
    CHECK(error != NULL && strlen(stockade_error_message(error)) > 0);
    stockade_error_free(error);
    buffer_free(&bytes);
}

/* -- messages of the core --------------------------------------------------------------------------------------------- */

static struct frame *frame_of(const unsigned char *data, size_t size) {
    struct frame *frame = frame_new();
    zmq_msg_init_size(&frame->message, size);
    if (size > 0)
        memcpy(zmq_msg_data(&frame->message), data, size);
    return frame;
}

/* A session that may do anything, and has been welcomed. */
static void open_session(struct session *session, const char *label, uint64_t generation) {
    static const char WELCOME[] =
        "[[\"welcome\", {\"protocol\": 1, \"worker\": \"%s\", \"generation\": %d, \"core\": \"0\", \"limits\": {"
        "\"message\": 65536, \"event\": 65536, \"batch\": 1024, \"calls\": 1024, \"topics\": 64, \"depth\": 32, "
        "\"channels\": 64, \"frames\": 63}, \"grants\": {\"commands\": {\"allow\": [\"**\"], \"deny\": []}, "
        "\"listen\": {\"allow\": [\"**\"], \"deny\": []}, \"emit\": {\"allow\": [\"**\"], \"deny\": []}}}]]";
    char text[1024];
    CHECK(session_init(session, label, generation, "test/0", 16));
    session_hello(session);
    snprintf(text, sizeof text, WELCOME, label, (int)generation);
    json_t *welcome = json_loads(text, 0, NULL);
    stockade_writer *writer = stockade_writer_new();
    const unsigned char *data = NULL;
    size_t size = 0;
    put_notation(writer, welcome);
    CHECK(stockade_writer_encoded(writer, &data, &size, NULL) == STOCKADE_OK);
    struct frame *frame = frame_of(data, size);
    CHECK(session_receive(session, frame, NULL, 0, 0, NULL) == STOCKADE_OK && session->state == OPEN);
    frame_release(frame);
    stockade_writer_free(writer);
    json_decref(welcome);
}

static void ask(struct session *session, uint64_t number) {
    stockade_pending *pending = NULL;
    session->last_call = number - 1;
    CHECK(calls_ask(session, "c", NULL, NULL, NULL, NULL, 0, &pending, NULL) == STOCKADE_OK);
    pending_release(session, pending);
}

static void open_channel(struct session *session, bool sends) {
    struct channel *channel = channel_new(sends);
    channel->window = channel->granted = CREDIT;
    CHECK(table_reserve(&session->channels));
    channel_open(session, channel, own_number(++session->opened));
    channel_release(channel);
}

static stockade_status never_run(stockade_handling *handling, void *user) {
    (void)handling;
    (void)user;
    return STOCKADE_OK;
}

static stockade_status take(struct session *session, const char *hex, const json_t *frames) {
    struct buffer bytes = bytes_of(hex);
    struct frame *frame = frame_of(bytes.data, bytes.size), *raw[FRAMES];
    for (size_t at = 0; at < json_array_size(frames); at++) {
        struct buffer one = bytes_of(json_string_value(json_array_get(frames, at)));
        raw[at] = frame_of(one.data, one.size);
        buffer_free(&one);
    }
    stockade_status status = session_receive(session, frame, raw, json_array_size(frames), 0, NULL);
    frame_release(frame);
    buffer_free(&bytes);
    return status;
}

/* What a message answers, or is about, must be there: else it would be refused for that alone. */
static void prepare(struct session *session, const char *name) {
    open_session(session, "editor", 3);
    session->exports = calloc(1, sizeof *session->exports);
    session->exports[0].name = text_dup("thumbs.make");
    session->exports[0].handler = never_run;
    session->export_count = 1;
    ask(session, 1);
    ask(session, 2);
    ask(session, UINT64_C(1) << 32);
    topic_new(session, "notes/changed|");
    topic_new(session, "notes/");
    session->last_ping = 1;
    if (strstr(name, "no-channel") == NULL)
        open_channel(session, strncmp(name, "core-credit", 11) == 0 || strncmp(name, "core-drop", 9) == 0);
    if (strcmp(name, "core-cancel") == 0)
        CHECK(take(session, "81846463616c6c016b7468756d62732e6d616b65a0", NULL) == STOCKADE_OK);
    if (strcmp(name, "core-bye") == 0)
        session_bye(session);
}

static void topics_free(struct session *session) {
    while (!chain_is_empty(&session->topics))
        topic_free(session, topic_in(session->topics.behind));
}

static void test_message(const json_t *vector) {
    const char *name = harness_case, *hex = json_string_value(json_object_get(vector, "hex"));
    struct session session;
    stockade_status wanted = json_is_true(json_object_get(vector, "valid")) ? STOCKADE_OK : STOCKADE_CORE_BROKEN;
    if (strncmp(name, "welcome", 7) == 0 || strcmp(name, "refused") == 0) {
        CHECK(session_init(&session, strstr(name, "replica") ? "editor.12" : "editor", 3, "test/0", 16));
        session_hello(&session);
    } else {
        prepare(&session, name);
    }
    if (strcmp(name, "refused") == 0)
        wanted = STOCKADE_REFUSED;
    if (strcmp(name, "breach") == 0)
        wanted = STOCKADE_BREACHED;
    CHECK(take(&session, hex, json_object_get(vector, "frames")) == wanted);
    topics_free(&session);
    session_free(&session);
}

static void test_event(const json_t *vector) {
    struct buffer bytes = bytes_of(json_string_value(json_object_get(vector, "hex")));
    struct frame *frame = frame_of(bytes.data, bytes.size);
    const char *fault = NULL;
    struct arrival *arrival = read_event(frame, &fault);
    CHECK((arrival != NULL) == json_is_true(json_object_get(vector, "valid")));
    CHECK((arrival == NULL) == (fault != NULL));
    if (arrival != NULL) {
        const char *topic = json_string_value(json_object_get(vector, "topic"));
        CHECK(strncmp(arrival->event.name, topic, strlen(topic) - 1) == 0);
        arrival_free(arrival);
    }
    frame_release(frame);
    buffer_free(&bytes);
}

/* What a worker emits, the core reads as it was meant. */
static void test_emit(const json_t *vector) {
    if (!json_is_true(json_object_get(vector, "valid")))
        return; /* this stub cannot say it */
    struct session session;
    open_session(&session, "editor", 1);
    const char *topic = json_string_value(json_object_get(vector, "topic"));
    const char *to = json_string_value(json_object_get(vector, "to"));
    char *name = text_dup(topic);
    name[strlen(name) - 1] = '\0';
    stockade_writer *writer = stockade_writer_new();
    stockade_value wanted = {0}, body = {0};
    put_notation(writer, json_array_get(json_object_get(vector, "value"), 1));
    CHECK(stockade_writer_value(writer, &wanted, NULL) == STOCKADE_OK);
    CHECK(session_prepare_emit(&session, name, wanted, to, NULL, NULL) == STOCKADE_OK);
    size_t head = strlen(topic);
    CHECK(memcmp(session.message.data, topic, head) == 0);
    CHECK(stockade_decode(session.message.data + head, session.message.size - head, &body, NULL) == STOCKADE_OK);
    stockade_value seq, payload, options = {0};
    stockade_iterator each = stockade_iterate(body);
    CHECK(stockade_next(&each, NULL, &seq) && stockade_next(&each, NULL, &payload));
    stockade_next(&each, NULL, &options);
    CHECK(seq.as.integer == 1 && same(payload, wanted));
    CHECK(to == NULL || stockade_is_text(stockade_get(options, "to"), to));
    stockade_writer_free(writer);
    free(name);
    session_free(&session);
}

/* -- patterns --------------------------------------------------------------------------------------------------------- */

static void test_pattern(const json_t *vector) {
    struct grant grant = {0};
    stockade_value sides[2];
    stockade_writer *writers[2];
    const char *keys[] = {"allow", "deny"};
    for (size_t side = 0; side < 2; side++) {
        writers[side] = stockade_writer_new();
        put_notation(writers[side], json_object_get(vector, keys[side]));
        CHECK(stockade_writer_value(writers[side], &sides[side], NULL) == STOCKADE_OK);
    }
    const char *separator = json_string_value(json_object_get(vector, "separator"));
    const char *asked = json_string_value(json_object_get(vector, "asked"));
    const char *prefix = json_string_value(json_object_get(vector, "prefix"));
    CHECK(grant_init(&grant, sides[0], sides[1], separator[0]));
    bool allowed = json_is_true(json_object_get(vector, "allowed"));
    if (asked != NULL)
        CHECK(grant_allows(&grant, asked) == allowed);
    else
        CHECK(prefix != NULL && grant_covers(&grant, prefix) == allowed);
    grant_free(&grant);
    stockade_writer_free(writers[0]);
    stockade_writer_free(writers[1]);
}

/* -- all -------------------------------------------------------------------------------------------------------------- */

/* Run those of a section; returns how many there were. */
static size_t run(const char *section, void (*test)(const json_t *vector), const char *from) {
    size_t at = 0, count = 0;
    json_t *vector = NULL;
    json_array_foreach(json_object_get(vectors, section), at, vector) {
        const char *who = json_string_value(json_object_get(vector, "from"));
        if (from != NULL && (who == NULL || strcmp(who, from) != 0))
            continue;
        harness_case = json_string_value(json_object_get(vector, "name"));
        test(vector);
        count++;
    }
    printf("%s: %zu of %zu\n", section, count, json_array_size(json_object_get(vectors, section)));
    return count;
}

int main(int count, char **arguments) {
    json_error_t error;
    vectors = count > 1 ? json_load_file(arguments[1], JSON_ALLOW_NUL, &error) : NULL;
    CHECK(vectors != NULL);
    CHECK(run("decode", test_decode, NULL) >= 110);
    CHECK(run("encode", test_encode, NULL) >= 73);
    CHECK(run("refuse", test_refuse, NULL) >= 196);
    CHECK(run("messages", test_message, "core") >= 86);
    CHECK(run("events", test_event, NULL) >= 22);
    CHECK(run("emits", test_emit, NULL) >= 57);
    CHECK(run("patterns", test_pattern, NULL) >= 35);
    json_decref(vectors);
    return harness_report();
}
