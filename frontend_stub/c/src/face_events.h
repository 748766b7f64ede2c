/* worker, its face: listening, handlers of events, emitting. */
#ifndef STOCKADE_SRC_FACE_EVENTS_H
#define STOCKADE_SRC_FACE_EVENTS_H

#include "face_calls.h"

/* -- subscriptions ---------------------------------------------------------------------------------------------------- */

static void subscription_release(stockade_subscription *subscription) {
    if (--subscription->holders > 0)
        return;
    if (subscription->destroy != NULL)
        subscription->destroy(subscription->user);
    free(subscription);
}

/* Its handler is called no more. Unsubscribes if it was the last of its topic. Doing so again does nothing. */
static void subscription_end(stockade_subscription *subscription) {
    stockade_core *core = subscription->core;
    struct topic *topic = subscription->topic;
    if (topic == NULL)
        return;
    subscription->topic = NULL;
    chain_remove(&subscription->chain);
    if (chain_is_empty(&topic->subscriptions)) {
        if (core->over == NULL) {
            zmq_setsockopt(core->link.events, ZMQ_UNSUBSCRIBE, topic->name, strlen(topic->name));
            core->used = true;
        }
        topic_free(&core->session, topic);
    }
    subscription_release(subscription);
}

void stockade_unlisten(stockade_subscription *subscription) {
    if (subscription == NULL)
        return;
    stockade_core *core = subscription->core;
    if (!pthread_equal(core->thread, pthread_self()))
        return;
    subscription_end(subscription);
    subscription_release(subscription);
    core_release(core);
}

/* The topic of this name, subscribed to if it is new. */
static stockade_status topic_of(stockade_core *core, const char *name, struct topic **topic, stockade_error **error) {
    struct session *session = &core->session;
    char topic_name[LONGEST_NAME + 2];
    size_t size = strlen(name);
    bool is_prefix = size > 1 && name[size - 1] == '/';
    if (!is_event_n(name, is_prefix ? size - 1 : size))
        return misuse(error, "no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . - (a prefix ends in one slash)");
    snprintf(topic_name, sizeof topic_name, is_prefix ? "%s" : "%s|", name);
    *topic = topic_find(session, topic_name);
    if (*topic != NULL)
        return STOCKADE_OK;
    if (!may_listen(session, name))
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_NOT_ALLOWED,
                                          "%s may not listen to \"%s\" (its grants say so; nothing was sent)",
                                          session->label, name));
    if (session->topic_count >= session->limits.topics)
        return error_give(error, error_of(STOCKADE_COMMAND, STOCKADE_CODE_BUSY,
                                          "%zu topics are listened to, and no more are taken (nothing was sent)",
                                          session->topic_count));
    *topic = topic_new(session, topic_name);
    if (*topic == NULL)
        return error_give(error, without_memory());
    zmq_setsockopt(core->link.events, ZMQ_SUBSCRIBE, topic_name, strlen(topic_name));
    core->used = true;
    return STOCKADE_OK;
}

/* Wait until the core has answered for its topic. */
static stockade_status await_subscription(stockade_core *core, const stockade_subscription *subscription,
                                          stockade_error **error) {
    while (core->over == NULL && !subscription->topic->answered)
        turn(core, -1, false);
    if (core->over != NULL)
        return ended(core, error);
    if (subscription->topic->denied != NULL)
        return error_give(error, error_copy(subscription->topic->denied));
    return STOCKADE_OK;
}

static stockade_status listen_to(stockade_core *core, stockade_subscription *subscription, const char *name,
                                 stockade_error **error) {
    struct topic *topic = NULL;
    stockade_status status = check(core, error);
    if (status == STOCKADE_OK && (name == NULL || subscription->listener == NULL))
        status = misuse(error, "listening to nothing, or without a handler");
    if (status == STOCKADE_OK)
        status = topic_of(core, name, &topic, error);
    if (status != STOCKADE_OK)
        return status;
    subscription->topic = topic;
    subscription->holders++;
    chain_append(&topic->subscriptions, &subscription->chain);
    status = await_subscription(core, subscription, error);
    if (status != STOCKADE_OK)
        subscription_end(subscription);
    return status;
}

static stockade_status subscribe(stockade_core *core, const char *name, const stockade_subscription *wanted,
                                 stockade_subscription **out, stockade_error **error) {
    stockade_subscription *subscription = malloc(sizeof *subscription);
    if (subscription == NULL) {
        if (wanted->destroy != NULL)
            wanted->destroy(wanted->user);
        return error_give(error, without_memory());
    }
    *subscription = *wanted;
    subscription->holders = 1;
    subscription->core = core;
    chain_init(&subscription->chain);
    stockade_status status = listen_to(core, subscription, name, error);
    if (status == STOCKADE_OK && out != NULL) {
        core->holders++;
        *out = subscription;
    } else {
        subscription_release(subscription);
    }
    return status;
}

stockade_status stockade_listen(stockade_core *core, const char *name, stockade_listener listener, void *user,
                                stockade_destroy destroy, stockade_subscription **subscription,
                                stockade_error **error) {
    const stockade_subscription wanted = {.listener = listener, .user = user, .destroy = destroy, .once = false};
    return subscribe(core, name, &wanted, subscription, error);
}

stockade_status stockade_once(stockade_core *core, const char *name, stockade_listener listener, void *user,
                              stockade_destroy destroy, stockade_subscription **subscription, stockade_error **error) {
    const stockade_subscription wanted = {.listener = listener, .user = user, .destroy = destroy, .once = true};
    return subscribe(core, name, &wanted, subscription, error);
}

static void listeners_free(stockade_core *core) {
    while (!chain_is_empty(&core->session.topics)) {
        struct topic *topic = topic_in(core->session.topics.behind);
        if (chain_is_empty(&topic->subscriptions))
            topic_free(&core->session, topic);
        else
            subscription_end(subscription_in(topic->subscriptions.behind));
    }
}

/* -- handling events -------------------------------------------------------------------------------------------------- */

/* Those that are to be called with one event, each held. */
struct called {
    stockade_subscription **all;
    size_t count, capacity;
};

static bool called_add(struct called *called, const struct topic *topic) {
    for (struct chain *each = topic->subscriptions.behind; each != &topic->subscriptions; each = each->behind) {
        if (called->count == called->capacity) {
            size_t capacity = called->capacity ? called->capacity * 2 : 4;
            stockade_subscription **all = realloc(called->all, capacity * sizeof *all);
            if (all == NULL)
                return false;
            called->all = all;
            called->capacity = capacity;
        }
        called->all[called->count++] = subscription_in(each);
        subscription_in(each)->holders++;
    }
    return true;
}

/* Those of the name itself, then of its prefixes, the shortest first. */
static bool called_find(struct called *called, const struct session *session, const char *name) {
    for (size_t size = 0; size <= LONGEST_NAME + 1; size++) {
        bool is_name = size == 0;
        if (!is_name && (size > strlen(name) || name[size - 1] != '/'))
            continue;
        for (struct chain *each = session->topics.behind; each != &session->topics; each = each->behind) {
            const struct topic *topic = topic_in(each);
            size_t length = strlen(topic->name);
            bool is_prefix = topic->name[length - 1] == '/';
            bool matches = is_name ? !is_prefix : is_prefix && length == size;
            if (matches && topic_has(topic->name, name) && !called_add(called, topic))
                return false;
        }
    }
    return true;
}

static stockade_status call_listener(stockade_subscription *subscription, const stockade_event *event) {
    if (subscription->topic == NULL)
        return STOCKADE_OK; /* the handler before it has ended it */
    if (subscription->once)
        subscription_end(subscription);
    return subscription->listener(event, subscription->user);
}

/* Call the handlers of an event. STOCKADE_OK, or what one has returned. */
static stockade_status handle_event(stockade_core *core, struct arrival *arrival) {
    struct called called = {NULL, 0, 0};
    stockade_status status = STOCKADE_OK;
    if (!called_find(&called, &core->session, arrival->event.name))
        status = STOCKADE_NO_MEMORY;
    core->reacting = &arrival->event;
    for (size_t at = 0; at < called.count; at++) {
        if (status == STOCKADE_OK)
            status = call_listener(called.all[at], &arrival->event);
        subscription_release(called.all[at]);
    }
    core->reacting = NULL;
    free(called.all);
    arrival_free(arrival);
    return status;
}

/* -- emitting --------------------------------------------------------------------------------------------------------- */

stockade_status stockade_emit(stockade_core *core, const char *event, stockade_value payload,
                              const stockade_emit_options *options, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (event == NULL)
        return misuse(error, "an event without a name");
    int64_t now = clock_now();
    if (now - core->looked > LOOK) {
        core->looked = now;
        if (turn(core, 0, false) != STOCKADE_OK)
            return ended(core, error);
    }
    const char *trace = options != NULL && options->trace != NULL ? options->trace : trace_of(core);
    status = session_prepare_emit(&core->session, event, payload, options ? options->to : NULL, trace, error);
    if (status == STOCKADE_OK && emit_prepared(core) != STOCKADE_OK)
        return ended(core, error);
    return status;
}

#endif
