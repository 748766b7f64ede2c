/* outbox: messages that wait to be sent, gathered into batches; and frames, as they come (docs/protocol.md, section 5).
 *
 * Knows bytes alone, and no socket: zmq_msg_t is here only as memory that ZeroMQ takes over without a copy. */
#ifndef STOCKADE_SRC_OUTBOX_H
#define STOCKADE_SRC_OUTBOX_H

#include <zmq.h>

#include "writers.h"

/* The head of a batch takes at most so many bytes of a message's limit. */
#define BATCH_HEAD 3
/* More messages than these are in no batch, and more frames behind none, whatever the limits say. */
#define BATCH 1024
#define FRAMES 63
/* From so many bytes on they go raw: as the stub for Python has measured; the core takes them either way. */
#define RAW 16384

/* -- frames: what came, shared by all the values that point into it ---------------------------------------------------- */

struct frame {
    unsigned holders;
    zmq_msg_t message;
};

/* With one holder, and an empty message to receive into; NULL: no memory. */
static struct frame *frame_new(void) {
    struct frame *frame = malloc(sizeof *frame);
    if (frame != NULL) {
        frame->holders = 1;
        zmq_msg_init(&frame->message);
    }
    return frame;
}

static struct frame *frame_hold(struct frame *frame) {
    if (frame != NULL)
        frame->holders++;
    return frame;
}

static void frame_release(struct frame *frame) {
    if (frame != NULL && --frame->holders == 0) {
        zmq_msg_close(&frame->message);
        free(frame);
    }
}

static const unsigned char *frame_data(struct frame *frame) {
    return zmq_msg_data(&frame->message);
}
static size_t frame_size(const struct frame *frame) {
    return zmq_msg_size(&frame->message);
}

/* A value that came, with its frame if it points into it. */
static stockade_owned owned_of(stockade_value value, struct frame *frame) {
    stockade_owned owned = {value, NULL};
    if (value.kind >= STOCKADE_TEXT)
        owned.memory = frame_hold(frame);
    return owned;
}

static stockade_owned owned_again(stockade_owned owned) {
    frame_hold(owned.memory);
    return owned;
}

void stockade_release(stockade_owned *owned) {
    if (owned != NULL) {
        frame_release(owned->memory);
        memset(owned, 0, sizeof *owned);
    }
}

/* -- parcels: a batch on its way ---------------------------------------------------------------------------------------- */

struct parcel {
    struct parcel *next;
    struct buffer bytes; /* BATCH_HEAD bytes of room, then the messages */
    size_t count;
    zmq_msg_t *raw; /* the frames behind it, its own */
    size_t raw_count;
};

struct outbox {
    struct parcel *first, *last, *spare;
    size_t waiting;          /* messages in all of them */
    uint64_t messages, size; /* of one batch at most */
    uint64_t batches;        /* that were sent */
    bool failed;             /* a message was lost for want of memory: nothing may follow it */
};

static void raw_free(zmq_msg_t *raw, size_t count) {
    for (size_t at = 0; at < count; at++)
        zmq_msg_close(&raw[at]);
    free(raw);
}

static void parcel_free(struct parcel *parcel) {
    if (parcel == NULL)
        return;
    raw_free(parcel->raw, parcel->raw_count);
    buffer_free(&parcel->bytes);
    free(parcel);
}

static struct parcel *outbox_begin(struct outbox *outbox) {
    struct parcel *parcel = outbox->spare ? outbox->spare : calloc(1, sizeof *parcel);
    outbox->spare = NULL;
    if (parcel == NULL)
        return NULL;
    buffer_put(&parcel->bytes, (const unsigned char[BATCH_HEAD]){0}, BATCH_HEAD);
    if (outbox->last != NULL)
        outbox->last->next = parcel;
    else
        outbox->first = parcel;
    outbox->last = parcel;
    return parcel;
}

/* Add one encoded message. `raw`: its frames, taken over; one that has some is a batch of its own, for it is large. */
static void outbox_put_raw(struct outbox *outbox, const struct buffer *message, zmq_msg_t *raw, size_t raw_count) {
    struct parcel *parcel = outbox->last;
    if (parcel == NULL || raw_count > 0 || parcel->raw_count > 0 || parcel->count >= outbox->messages ||
        parcel->bytes.size + message->size > outbox->size)
        parcel = outbox_begin(outbox);
    if (parcel != NULL) {
        buffer_put(&parcel->bytes, message->data, message->size);
        parcel->count++;
        parcel->raw = raw;
        parcel->raw_count = raw_count;
        outbox->waiting++;
    } else {
        raw_free(raw, raw_count);
    }
    if (parcel == NULL || parcel->bytes.failed || message->failed)
        outbox->failed = true;
}

static void outbox_put(struct outbox *outbox, const struct buffer *message) {
    outbox_put_raw(outbox, message, NULL, 0);
}

/* The bytes of the first batch, its head before its messages. There must be one. */
static const unsigned char *outbox_batch(struct outbox *outbox, size_t *size) {
    struct parcel *parcel = outbox->first;
    unsigned char head[HEAD];
    size_t head_size = cbor_encode_array_start(parcel->count, head, HEAD);
    unsigned char *begin = parcel->bytes.data + BATCH_HEAD - head_size;
    memcpy(begin, head, head_size);
    *size = parcel->bytes.size - BATCH_HEAD + head_size;
    return begin;
}

/* The first batch has gone, its raw frames too. */
static void outbox_sent(struct outbox *outbox) {
    struct parcel *parcel = outbox->first;
    outbox->batches++;
    outbox->waiting -= parcel->count;
    outbox->first = parcel->next;
    if (outbox->first == NULL)
        outbox->last = NULL;
    if (outbox->spare != NULL || parcel->raw_count > 0 || parcel->bytes.capacity > 256 * 1024) {
        parcel_free(parcel);
        return;
    }
    parcel->next = NULL;
    parcel->count = 0;
    buffer_reset(&parcel->bytes);
    outbox->spare = parcel;
}

static void outbox_free(struct outbox *outbox) {
    while (outbox->first != NULL) {
        struct parcel *parcel = outbox->first;
        outbox->first = parcel->next;
        parcel_free(parcel);
    }
    parcel_free(outbox->spare);
    memset(outbox, 0, sizeof *outbox);
}

#endif
