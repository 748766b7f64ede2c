package session

import "github.com/stockade-runtime/frontend-go/internal/wire"

// Batch is one message of the commands socket: the frame of the batch, and the raw ones behind it.
type Batch struct {
	Frame []byte
	Raw   [][]byte
}

// Outbox has encoded messages in their order, and gathers them into batches. Messages and Size bound a batch: their
// count, and its bytes; whoever puts one in has seen to it that it is not larger itself.
type Outbox struct {
	Messages int
	Size     int
	waiting  []wire.Message
	batch    *Batch
}

// Len is how many messages wait beside the batch that Next gave.
func (o *Outbox) Len() int { return len(o.waiting) }

// IsEmpty says whether nothing is left to be sent.
func (o *Outbox) IsEmpty() bool { return o.batch == nil && len(o.waiting) == 0 }

func (o *Outbox) put(message wire.Message) { o.waiting = append(o.waiting, message) }

// Next is the batch to send, or nil; the same until Sent says that it has gone.
func (o *Outbox) Next() *Batch {
	if o.batch == nil && len(o.waiting) > 0 {
		count := o.fitting()
		o.batch = &Batch{Frame: wire.Batch(o.waiting[:count]), Raw: o.waiting[0].Raw}
		rest := copy(o.waiting, o.waiting[count:])
		clear(o.waiting[rest:]) // large frames are not kept by what has gone
		o.waiting = o.waiting[:rest]
	}
	return o.batch
}

// Sent says that the batch of Next has gone.
func (o *Outbox) Sent() { o.batch = nil }

// fitting is how many messages make the next batch. One with raw frames is a batch of its own: it is large.
func (o *Outbox) fitting() int {
	size := wire.LargestHead + len(o.waiting[0].Head)
	if o.waiting[0].Raw != nil {
		return 1
	}
	for count, message := range o.waiting[1:] {
		size += len(message.Head)
		if count+1 >= o.Messages || size > o.Size || message.Raw != nil {
			return count + 1
		}
	}
	return len(o.waiting)
}
