/* worker, its face: calls, streams and channels, which wait by turns. */
#ifndef STOCKADE_SRC_FACE_CALLS_H
#define STOCKADE_SRC_FACE_CALLS_H

#include "turns.h"

/* -- calls ------------------------------------------------------------------------------------------------------------ */

/* The trace that goes on from what is being handled, if any. */
static const char *trace_of(const stockade_core *core) {
    if (core->serving != NULL)
        return core->serving->trace;
    return core->reacting != NULL ? core->reacting->trace : NULL;
}

/* Begin a call; returns when it is in flight, or has its answer already. */
static stockade_status begin(stockade_core *core, const char *command, const stockade_argument *arguments,
                             const stockade_options *options, stockade_pending **out, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (command == NULL)
        return misuse(error, "a call without a command");
    struct session *session = &core->session;
    const char *trace = options != NULL && options->trace != NULL ? options->trace : trace_of(core);
    bool is_timed = session->limits.has_rate || (options != NULL && options->timeout > 0);
    return calls_ask(session, command, arguments, options, core->serving, trace, is_timed ? clock_now() : 0, out,
                     error);
}

/* The answer that is there. The result, if asked for, is the caller's. */
static stockade_status answer_of(const stockade_pending *pending, stockade_owned *result, stockade_error **error) {
    if (pending->error != NULL)
        return error_give(error, error_copy(pending->error));
    if (result != NULL)
        *result = owned_again(pending->result);
    return STOCKADE_OK;
}

stockade_status stockade_invoke(stockade_core *core, const char *command, const stockade_argument *arguments,
                                const stockade_options *options, stockade_owned *result, stockade_error **error) {
    stockade_pending *pending = NULL;
    stockade_status status = begin(core, command, arguments, options, &pending, error);
    if (pending == NULL)
        return status;
    wait_for(core, pending);
    status = pending->done ? answer_of(pending, result, error) : ended(core, error);
    pending_release(&core->session, pending);
    return status;
}

stockade_status stockade_call(stockade_core *core, const char *command, const stockade_argument *arguments,
                              const stockade_options *options, stockade_pending **pending, stockade_error **error) {
    stockade_pending *begun = NULL;
    stockade_status status = begin(core, command, arguments, options, &begun, error);
    if (begun == NULL)
        return status;
    while (begun->place == HELD && !begun->done && status == STOCKADE_OK)
        status = turn(core, -1, false);
    if (status == STOCKADE_OK && core->session.outbox.waiting >= EAGER)
        status = turn(core, 0, false);
    if (status != STOCKADE_OK) {
        pending_release(&core->session, begun);
        return ended(core, error);
    }
    begun->core = core;
    core->holders++;
    *pending = begun;
    return STOCKADE_OK;
}

stockade_status stockade_pending_result(stockade_pending *pending, stockade_owned *result, stockade_error **error) {
    if (pending == NULL)
        return misuse(error, "no call: NULL");
    if (!pending->done) {
        stockade_status status = check(pending->core, error);
        if (status != STOCKADE_OK)
            return status;
        wait_for(pending->core, pending);
    }
    return pending->done ? answer_of(pending, result, error) : ended(pending->core, error);
}

bool stockade_pending_done(stockade_pending *pending) {
    if (!pending->done && check(pending->core, NULL) == STOCKADE_OK)
        turn(pending->core, 0, false);
    return pending->done;
}

bool stockade_pending_cancel(stockade_pending *pending) {
    if (pending->done || check(pending->core, NULL) != STOCKADE_OK)
        return false;
    call_cancel(&pending->core->session, pending,
                error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "this worker has cancelled it"));
    flush(pending->core);
    return true;
}

void stockade_pending_free(stockade_pending *pending) {
    if (pending == NULL)
        return;
    stockade_core *core = pending->core;
    stockade_pending_cancel(pending);
    pending_release(&core->session, pending);
    core_release(core);
}

/* -- channels --------------------------------------------------------------------------------------------------------- */

/* A new end, which the caller frees. NULL: no memory. */
static struct channel *end_new(stockade_core *core, bool sends, uint64_t credit) {
    struct channel *channel = channel_new(sends);
    if (channel != NULL) {
        channel->window = channel->granted = credit > 0 ? credit : CREDIT;
        channel->core = core;
        core->holders++;
    }
    return channel;
}

/* Wait for a change of a channel, unless the call that is being handled should not go on. */
static stockade_status wait_for_change(stockade_core *core, stockade_error **error) {
    if (core->over == NULL && core->serving != NULL && core->serving->stopped != NULL)
        return error_give(error, error_copy(core->serving->stopped));
    stockade_status status = core->over == NULL ? turn(core, -1, false) : core->over->status;
    return status == STOCKADE_OK ? STOCKADE_OK : ended(core, error);
}

stockade_status stockade_receive_channel(stockade_core *core, uint64_t credit, stockade_receiver **receiver,
                                         stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (credit > LARGEST_WHOLE)
        return misuse(error, "a credit above 2^53 - 1");
    struct channel *channel = end_new(core, false, credit);
    if (channel == NULL)
        return error_give(error, without_memory());
    *receiver = (stockade_receiver *)(void *)channel;
    return STOCKADE_OK;
}

stockade_status stockade_receive(stockade_receiver *receiver, stockade_owned *item, stockade_error **error) {
    struct channel *channel = &receiver->channel;
    stockade_core *core = channel->core;
    if (!pthread_equal(core->thread, pthread_self()))
        return check(core, error);
    while (chain_is_empty(&channel->items)) {
        if (channel->over)
            return channel->error ? error_give(error, error_copy(channel->error)) : STOCKADE_DONE;
        if (!channel->bound && core->over == NULL)
            return misuse(error, "nobody sends on this channel yet: pass it to a call");
        stockade_status status = wait_for_change(core, error);
        if (status != STOCKADE_OK)
            return status;
    }
    *item = channel_take(&core->session, channel);
    if (core->over == NULL && core->session.outbox.first != NULL)
        flush(core); /* a grant: the sender should not have to wait until all that is here has been taken */
    return STOCKADE_OK;
}

void stockade_drop(stockade_receiver *receiver) {
    struct channel *channel = &receiver->channel;
    stockade_core *core = channel->core;
    if (!pthread_equal(core->thread, pthread_self()))
        return;
    channel_forget_items(channel);
    if (channel->over || core->over != NULL)
        return;
    if (channel->call != NULL && channel->entry.key == 0) /* the call has not gone yet, and need not */
        call_cancel(&core->session, channel->call,
                    error_plain(STOCKADE_COMMAND, STOCKADE_CODE_CANCELLED, "its stream is not wanted"));
    channel_finish(&core->session, channel, NULL);
    flush(core);
}

void stockade_receiver_free(stockade_receiver *receiver) {
    if (receiver == NULL)
        return;
    stockade_core *core = receiver->channel.core;
    stockade_drop(receiver);
    if (receiver->channel.call != NULL)
        pending_release(&core->session, receiver->channel.call);
    receiver->channel.call = NULL;
    channel_release(&receiver->channel);
    core_release(core);
}

stockade_status stockade_stream(stockade_core *core, const char *command, const stockade_argument *arguments,
                                const stockade_options *options, stockade_receiver **stream, stockade_error **error) {
    stockade_receiver *receiver = NULL;
    stockade_status status = stockade_receive_channel(core, options ? options->credit : 0, &receiver, error);
    if (status != STOCKADE_OK)
        return status;
    size_t count = 0;
    while (arguments != NULL && arguments[count].name != NULL)
        count++;
    stockade_argument *all = calloc(count + 2, sizeof *all);
    if (all == NULL) {
        status = error_give(error, without_memory());
    } else {
        if (count > 0)
            memcpy(all, arguments, count * sizeof *all);
        all[count].name = "yield";
        all[count].value = stockade_receiving(receiver);
        status = begin(core, command, all, options, &receiver->channel.call, error);
        free(all);
    }
    if (status == STOCKADE_OK) {
        flush(core);
        *stream = receiver;
    } else {
        stockade_receiver_free(receiver);
    }
    return status;
}

stockade_status stockade_send_channel(stockade_core *core, stockade_sender **sender, stockade_error **error) {
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    struct channel *channel = end_new(core, true, 0);
    if (channel == NULL)
        return error_give(error, without_memory());
    *sender = (stockade_sender *)(void *)channel;
    return STOCKADE_OK;
}

static stockade_status send_item(struct channel *channel, stockade_value item, stockade_error **error) {
    stockade_core *core = channel->core;
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return status;
    if (!channel->bound)
        return misuse(error, "nobody receives on this channel yet: pass it to a call");
    while (channel->credit == 0 && !channel->over) {
        status = wait_for_change(core, error);
        if (status != STOCKADE_OK)
            return status;
    }
    if (channel->over)
        return channel->error ? error_give(error, error_copy(channel->error))
                              : misuse(error, "this channel has been ended, so nothing more can be sent on it");
    status = channel_send(&core->session, channel, item, error);
    flush(core);
    return status;
}

stockade_status stockade_send(stockade_sender *sender, stockade_value item, stockade_error **error) {
    return send_item(&sender->channel, item, error);
}

bool stockade_sender_dropped(const stockade_sender *sender) {
    return sender->channel.dropped;
}

stockade_status stockade_fail(stockade_sender *sender, const stockade_error *why, stockade_error **error) {
    stockade_core *core = sender->channel.core;
    stockade_status status = check(core, error);
    if (status != STOCKADE_OK)
        return sender->channel.over && status != STOCKADE_MISUSE ? STOCKADE_OK : status;
    channel_finish(&core->session, &sender->channel, why);
    flush(core);
    return STOCKADE_OK;
}

stockade_status stockade_end(stockade_sender *sender, stockade_error **error) {
    return stockade_fail(sender, NULL, error);
}

void stockade_sender_free(stockade_sender *sender) {
    if (sender == NULL)
        return;
    stockade_core *core = sender->channel.core;
    if (check(core, NULL) == STOCKADE_OK) {
        channel_forsake(&core->session, &sender->channel);
        flush(core);
    }
    channel_release(&sender->channel);
    core_release(core);
}

#endif
