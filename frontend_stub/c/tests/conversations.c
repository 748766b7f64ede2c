/* The conversations of docs/vectors.json that a well-behaved core and worker lead to their end: the session says what the
 * worker says, and takes what the core says in answer. */
#include "notation.h"

static json_t *vectors;

/* -- what the core says ----------------------------------------------------------------------------------------------- */

static void take(struct session *session, const json_t *message, const json_t *raw) {
    json_t *batch = json_pack("[O]", message);
    stockade_writer *writer = stockade_writer_new();
    const unsigned char *data = NULL;
    size_t size = 0;
    put_notation(writer, batch);
    CHECK(stockade_writer_encoded(writer, &data, &size, NULL) == STOCKADE_OK);
    struct frame *frame = frame_new(), *frames[FRAMES];
    zmq_msg_init_size(&frame->message, size);
    memcpy(zmq_msg_data(&frame->message), data, size);
    for (size_t at = 0; at < json_array_size(raw); at++) {
        struct buffer bytes = bytes_of(json_string_value(json_array_get(raw, at)));
        frames[at] = frame_new();
        zmq_msg_init_size(&frames[at]->message, bytes.size);
        memcpy(zmq_msg_data(&frames[at]->message), bytes.data, bytes.size);
        buffer_free(&bytes);
    }
    stockade_status status = session_receive(session, frame, frames, json_array_size(raw), 0, NULL);
    if (status != STOCKADE_OK)
        fprintf(stderr, "[%s] %s\n", harness_case, stockade_error_message(session->end));
    CHECK(status == STOCKADE_OK);
    frame_release(frame);
    stockade_writer_free(writer);
    json_decref(batch);
}

/* A script leaves out what is for people, and all but who is welcomed. */
static json_t *completed(json_t *message) {
    const char *verb = json_string_value(json_array_get(message, 0));
    if (json_is_object(message)) /* {"$either": [message]} */
        return completed(json_array_get(json_object_get(message, "$either"), 0));
    if (strcmp(verb, "welcome") == 0) {
        json_t *rules = json_pack("{s:[s], s:[]}", "allow", "**", "deny");
        json_t *limits = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "message", 65536, "event", 65536,
                                   "batch", 1024, "calls", 64, "topics", 64, "depth", 32, "channels", 64, "frames", 63);
        json_t *welcome =
            json_pack("{s:i, s:s, s:i, s:s, s:o, s:{s:O, s:O, s:O}}", "protocol", 1, "worker", "editor", "generation",
                      1, "core", "0", "limits", limits, "grants", "commands", rules, "listen", rules, "emit", rules);
        json_decref(rules);
        return json_pack("[s, o]", "welcome", welcome);
    }
    json_t *error = json_array_get(message, json_array_size(message) - 1);
    if ((strcmp(verb, "error") == 0 || strcmp(verb, "denied") == 0) && json_object_get(error, "message") == NULL)
        json_object_set_new(error, "message", json_string(""));
    return json_incref(message);
}

static void core_says(struct session *session, const json_t *step) {
    size_t at = 0;
    json_t *message = NULL;
    json_array_foreach(json_object_get(step, "messages"), at, message) {
        json_t *whole = completed(message);
        take(session, whole, NULL);
        json_decref(whole);
        while (handled_next(session) != NULL) {
        } /* its handler runs */
    }
}

/* -- what the worker says --------------------------------------------------------------------------------------------- */

static uint64_t whole(const json_t *json) {
    const char *real = only(json, "$float"), *integer = only(json, "$int");
    if (real != NULL)
        return (uint64_t)strtod(real, NULL);
    return integer != NULL ? strtoull(integer, NULL, 10) : (uint64_t)json_integer_value(json);
}

/* The call's channels, in the order of their ids, behind its other arguments, which do not matter. */
static size_t add_channels_of(const json_t *channels, stockade_argument *arguments, uint64_t *least) {
    size_t count = 0;
    const char *name = NULL;
    json_t *offer = NULL;
    uint64_t ids[8];
    json_object_foreach((json_t *)(uintptr_t)channels, name, offer) {
        uint64_t id = whole(json_object_get(offer, "id")), credit = whole(json_object_get(offer, "credit"));
        struct channel *channel = channel_new(strcmp(json_string_value(json_object_get(offer, "to")), "callee") == 0);
        size_t place = count++;
        channel->window = channel->granted = credit;
        for (; place > 0 && ids[place - 1] > id; place--) {
            ids[place] = ids[place - 1];
            arguments[place] = arguments[place - 1];
        }
        ids[place] = id;
        arguments[place].name = name;
        arguments[place].value = channel->sends ? stockade_sending((stockade_sender *)(void *)channel)
                                                : stockade_receiving((stockade_receiver *)(void *)channel);
        *least = ids[0];
    }
    return count;
}

static void say_call(struct session *session, const json_t *message) {
    stockade_argument arguments[9] = {{NULL, {STOCKADE_MISSING, {0}}}};
    const stockade_options options = {.no_wait = true};
    stockade_pending *pending = NULL;
    uint64_t least = 0;
    const json_t *said = json_array_get(message, 4);
    size_t count = add_channels_of(json_object_get(said, "channels"), arguments, &least);
    struct entry *entry = table_find(&session->handled, whole(json_object_get(said, "parent")));
    stockade_handling *parent = entry ? handling_of(entry) : NULL;
    if (parent != NULL && parent->stopped != NULL)
        parent = NULL; /* this stub knows better than to call: what the core answers is the same */
    if (count > 0)
        session->opened = (least - 1) / 2;
    session->last_call = whole(json_array_get(message, 1)) - 1;
    CHECK(calls_ask(session, json_string_value(json_array_get(message, 2)), arguments, &options, parent, NULL, 0,
                    &pending, NULL) == STOCKADE_OK);
    for (size_t at = 0; at < count; at++)
        channel_release(channel_within(arguments[at].value));
    if (pending != NULL)
        pending_release(session, pending);
}

static void answer(struct session *session, uint64_t number, const stockade_error *error) {
    struct entry *entry = table_find(&session->handled, number);
    CHECK(entry != NULL);
    if (entry == NULL)
        return;
    stockade_handling *handling = handling_of(entry);
    if (error != NULL)
        handling_fail(session, handling, error);
    else
        CHECK(handling_succeed(session, handling, stockade_null(), NULL) == STOCKADE_OK);
    handling_free(session, handling);
}

/* Items, ends, credits and drops; of a channel that has ended this stub says nothing more. */
static void say_of_channel(struct session *session, const char *verb, const json_t *message) {
    struct entry *entry = table_find(&session->channels, whole(json_array_get(message, 1)));
    if (entry == NULL)
        return;
    struct channel *channel = channel_of(entry);
    if (strcmp(verb, "item") == 0) {
        CHECK(channel->credit > 0 && channel_send(session, channel, stockade_null(), NULL) == STOCKADE_OK);
    } else if (strcmp(verb, "credit") == 0) {
        channel->granted += whole(json_array_get(message, 2));
    } else {
        channel_finish(session, channel, NULL);
    }
}

static stockade_status never_run(stockade_handling *handling, void *user) {
    (void)handling;
    (void)user;
    return STOCKADE_OK;
}

static void say_ready(struct session *session, const json_t *message) {
    const json_t *exports = json_object_get(json_array_get(message, 1), "exports");
    const char *name = NULL;
    json_t *ignored = NULL;
    json_object_foreach((json_t *)(uintptr_t)exports, name, ignored) {
        struct export export = {.handler = never_run, .options = {.concurrency = 1}};
        CHECK(add_export(session, name, export, NULL) == STOCKADE_OK);
    }
    session_ready(session);
}

static void worker_says(struct session *session, const json_t *message) {
    const char *verb = json_string_value(json_array_get(message, 0));
    stockade_value none = {STOCKADE_MISSING, {0}};
    if (strcmp(verb, "hello") == 0) {
        session_hello(session);
    } else if (strcmp(verb, "ready") == 0) {
        say_ready(session, message);
    } else if (strcmp(verb, "call") == 0) {
        say_call(session, message);
    } else if (strcmp(verb, "cancel") == 0) {
        struct entry *entry = table_find(&session->flight, whole(json_array_get(message, 1)));
        if (entry != NULL)
            call_cancel(session, pending_of(entry), error_plain(STOCKADE_COMMAND, "cancelled", ""));
    } else if (strcmp(verb, "result") == 0) {
        answer(session, whole(json_array_get(message, 1)), NULL);
    } else if (strcmp(verb, "error") == 0) {
        stockade_error *error = stockade_error_new("tested.error", "", none);
        answer(session, whole(json_array_get(message, 1)), error);
        stockade_error_free(error);
    } else if (strcmp(verb, "ping") == 0) {
        session->last_ping = whole(json_array_get(message, 1));
    } else if (strcmp(verb, "bye") == 0) {
        session_bye(session);
    } else if (strcmp(verb, "pong") != 0) {
        say_of_channel(session, verb, message);
    }
}

static void worker_acts(struct session *session, const json_t *step) {
    const char *topic = json_string_value(json_object_get(step, "subscribe"));
    const json_t *granted = json_object_get(step, "granted");
    size_t at = 0;
    json_t *message = NULL;
    json_array_foreach(json_object_get(step, "batch"), at, message) worker_says(session, message);
    if (topic != NULL && topic_find(session, topic) == NULL)
        CHECK(topic_new(session, topic) != NULL);
    if (json_object_get(step, "body") != NULL)
        session->emitted++;
    if (granted != NULL) {
        json_t *credit = json_pack("[s, O, O]", "credit", json_array_get(granted, 0), json_array_get(granted, 1));
        take(session, credit, NULL);
        json_decref(credit);
    }
}

/* -- all -------------------------------------------------------------------------------------------------------------- */

/* One that a worker could lead: nothing in it ends the worker, or is said in bytes that no stub would say. */
static bool can_be_led(const json_t *vector) {
    static const char *const CRUDE[] = {"frames", "zeros", "close", "bind"};
    size_t at = 0;
    json_t *step = NULL;
    json_array_foreach(json_object_get(vector, "steps"), at, step) {
        for (size_t each = 0; each < sizeof CRUDE / sizeof *CRUDE; each++) {
            if (json_object_get(json_object_get(step, "worker"), CRUDE[each]) != NULL)
                return false;
        }
    }
    return json_is_null(json_object_get(vector, "ends"));
}

static void lead(const json_t *vector) {
    struct session session;
    size_t at = 0;
    json_t *step = NULL;
    CHECK(session_init(&session, "editor", 1, "test/0", 16));
    json_array_foreach(json_object_get(vector, "steps"), at, step) {
        const json_t *worker = json_object_get(step, "worker"), *core = json_object_get(step, "core");
        if (worker != NULL)
            worker_acts(&session, worker);
        else
            core_says(&session, core);
    }
    CHECK(session.end == NULL);
    for (struct entry *entry; (entry = table_any(&session.handled)) != NULL;) {
        handling_done(&session, handling_of(entry));
        handling_free(&session, handling_of(entry));
    }
    while (!chain_is_empty(&session.topics))
        topic_free(&session, topic_in(session.topics.behind));
    session_free(&session);
}

int main(int count, char **arguments) {
    json_error_t error;
    size_t at = 0, led = 0;
    json_t *vector = NULL;
    vectors = count > 1 ? json_load_file(arguments[1], JSON_ALLOW_NUL, &error) : NULL;
    CHECK(vectors != NULL);
    json_array_foreach(json_object_get(vectors, "conversation"), at, vector) {
        harness_case = json_string_value(json_object_get(vector, "name"));
        if (can_be_led(vector)) {
            lead(vector);
            led++;
        }
    }
    printf("conversation: %zu of %zu; in the others the worker breaks the protocol\n", led,
           json_array_size(json_object_get(vectors, "conversation")));
    CHECK(led >= 84);
    json_decref(vectors);
    return harness_report();
}
