/* session, channels: who may send, what has come, how each ends (docs/protocol.md, section 5). Knows no call.
 *
 * A channel is one-way; a worker numbers those that it opens odd, the core even. */
#ifndef STOCKADE_SRC_CHANNELS_H
#define STOCKADE_SRC_CHANNELS_H

#include "state.h"

static void pending_release(struct session *session, stockade_pending *pending);

static struct channel *channel_new(bool sends) {
    struct channel *channel = calloc(1, sizeof(struct channel));
    if (channel != NULL) {
        channel->holders = 1;
        channel->sends = sends;
        chain_init(&channel->items);
    }
    return channel;
}

static void channel_forget_items(struct channel *channel) {
    while (!chain_is_empty(&channel->items)) {
        struct item *item = OWNER(channel->items.behind, struct item, chain);
        chain_remove(&item->chain);
        stockade_release(&item->owned);
        free(item);
    }
}

static void channel_release(struct channel *channel) {
    if (channel == NULL || --channel->holders > 0)
        return;
    channel_forget_items(channel);
    stockade_error_free(channel->error);
    free(channel);
}

static struct channel *channel_of(struct entry *entry) {
    return OWNER(entry, struct channel, entry);
}

static bool is_own(uint64_t number) {
    return number % 2 == 1;
}

/* The id of the channel that this worker opens as its first, its second ... */
static uint64_t own_number(uint64_t which) {
    return 2 * which - 1;
}

/* -- opening ---------------------------------------------------------------------------------------------------------- */

/* It is open from now on, under this number; the table, which must have room, holds it. */
static void channel_open(struct session *session, struct channel *channel, uint64_t number) {
    channel->entry.key = number;
    channel->is_open = true;
    channel->holders++;
    table_insert(&session->channels, &channel->entry);
    session->own_channels += is_own(number);
}

/* It is open no more. True: the table's hold of it is the caller's now, to be released last. */
static bool channel_take_out(struct session *session, struct channel *channel) {
    if (!channel->is_open)
        return false;
    channel->is_open = false;
    table_take(&session->channels, channel->entry.key);
    session->own_channels -= is_own(channel->entry.key);
    return true;
}

/* What the call that passes it says of it. */
static void put_offer(struct buffer *message, const struct channel *channel, uint64_t number) {
    put_map(message, channel->sends ? 2 : 3);
    put_text(message, "id");
    put_whole(message, number);
    put_text(message, "to");
    put_text(message, channel->sends ? "callee" : "caller");
    if (!channel->sends) {
        put_text(message, "credit");
        put_whole(message, channel->window);
    }
}

/* The call that opened it never ran, and will be made again: as if it had not been opened. */
static void channel_forget(struct session *session, struct channel *channel) {
    bool was_open = channel_take_out(session, channel);
    channel->entry.key = 0;
    channel->credit = 0;
    channel->granted = channel->window;
    if (was_open)
        channel_release(channel);
}

/* -- ending ----------------------------------------------------------------------------------------------------------- */

/* It has ended, for both sides, and nothing more is said of it. `error`, if not NULL, is copied. */
static void channel_close(struct session *session, struct channel *channel, const stockade_error *error) {
    bool was_open = channel_take_out(session, channel);
    if (!channel->over) {
        channel->over = true;
        channel->error = error ? error_copy(error) : NULL;
    }
    if (was_open)
        channel_release(channel);
}

static void channel_say_farewell(struct session *session, const struct channel *channel, const stockade_error *error) {
    if (!may_speak(session))
        return;
    if (!channel->sends)
        outbox_put(&session->outbox, say(session, 1, "drop", channel->entry.key));
    else if (error == NULL || error->status != STOCKADE_COMMAND)
        outbox_put(&session->outbox, say(session, 1, "end", channel->entry.key));
    else
        say_error(session, "end", channel->entry.key, error);
}

/* This side ends it, a sender with an error if it could not send everything. Doing so again does nothing. */
static void channel_finish(struct session *session, struct channel *channel, const stockade_error *error) {
    if (channel->over)
        return;
    if (channel->is_open)
        channel_say_farewell(session, channel, error);
    channel_close(session, channel, error);
}

/* Nobody has this end any more, so nobody will end it. A sender that this worker has opened ends with an error, for
 * whoever was to end it may have failed; one that a handler had, which has answered well, ends well. */
static void channel_forsake(struct session *session, struct channel *channel) {
    stockade_error *error = NULL;
    if (channel->sends && (channel->entry.key == 0 || is_own(channel->entry.key)))
        error = error_plain(STOCKADE_COMMAND, STOCKADE_CODE_FAILED, "its sender has freed it, and had not ended it");
    channel_forget_items(channel);
    channel_finish(session, channel, error);
    stockade_error_free(error);
}

/* The conversation is over. */
static void channels_close_all(struct session *session) {
    stockade_error *error =
        error_plain(STOCKADE_COMMAND, STOCKADE_CODE_UNAVAILABLE, "the conversation with the core has ended");
    for (struct entry *entry; (entry = table_any(&session->channels)) != NULL;)
        channel_close(session, channel_of(entry), error);
    stockade_error_free(error);
}

/* -- what this worker says -------------------------------------------------------------------------------------------- */

/* Send an item, for which there must be credit. */
static stockade_status channel_send(struct session *session, struct channel *channel, stockade_value item,
                                    stockade_error **error) {
    stockade_status status = say_value(session, "item", channel->entry.key, item, error);
    if (status == STOCKADE_OK)
        channel->credit--;
    return status;
}

/* The next item, which must be there. What was taken is granted anew, half of the window at a time. */
static stockade_owned channel_take(struct session *session, struct channel *channel) {
    struct item *item = OWNER(channel->items.behind, struct item, chain);
    stockade_owned owned = item->owned;
    chain_remove(&item->chain);
    free(item);
    channel->owed++;
    if (channel->is_open && may_speak(session) && 2 * channel->owed >= channel->window) {
        struct buffer *message = say(session, 2, "credit", channel->entry.key);
        put_whole(message, channel->owed);
        outbox_put(&session->outbox, message);
        channel->granted += channel->owed;
        channel->owed = 0;
    }
    return owned;
}

/* -- what the core says ----------------------------------------------------------------------------------------------- */

/* The open end of this kind; NULL, and counted, for one that has ended. */
static stockade_status channel_find(struct session *session, uint64_t number, bool sends, struct channel **channel) {
    struct entry *entry = table_find(&session->channels, number);
    *channel = entry ? channel_of(entry) : NULL;
    if (entry == NULL) {
        if (number == 0 || number > (is_own(number) ? 2 * session->opened : session->last_channel_of_core))
            return broken(session, "something on a channel that was never opened");
        session->ignored++;
    } else if ((*channel)->sends != sends) {
        return broken(session, "something on a channel from its wrong end");
    }
    return STOCKADE_OK;
}

static stockade_status channel_item(struct session *session, uint64_t number, stockade_value value,
                                    struct frame *frame) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, false, &channel);
    if (channel == NULL || status != STOCKADE_OK)
        return status;
    if (channel->granted == 0)
        return broken(session, "an item over the credit of its channel");
    struct item *item = malloc(sizeof *item);
    if (item == NULL)
        return exhausted(session);
    channel->granted--;
    item->owned = owned_of(value, frame);
    chain_append(&channel->items, &item->chain);
    return STOCKADE_OK;
}

static stockade_status channel_ended(struct session *session, uint64_t number, const stockade_error *error) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, false, &channel);
    if (channel != NULL && status == STOCKADE_OK)
        channel_close(session, channel, error);
    return status;
}

static stockade_status channel_credited(struct session *session, uint64_t number, uint64_t count) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, true, &channel);
    if (status != STOCKADE_OK)
        return status;
    if (count == 0 || (channel != NULL && count > LARGEST_WHOLE - channel->credit))
        return broken(session, "a credit that is none");
    if (channel != NULL)
        channel->credit += count;
    return STOCKADE_OK;
}

static stockade_status channel_dropped(struct session *session, uint64_t number) {
    struct channel *channel = NULL;
    stockade_status status = channel_find(session, number, true, &channel);
    if (channel == NULL || status != STOCKADE_OK)
        return status;
    stockade_error *error =
        error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "its receiver wants nothing more of this channel");
    channel->dropped = true;
    channel_close(session, channel, error);
    stockade_error_free(error);
    return STOCKADE_OK;
}

#endif
