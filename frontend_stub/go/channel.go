package stockade

import (
	"context"
	"iter"

	"github.com/stockade-runtime/frontend-go/internal/session"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// channel is either end, as it may stand among the arguments of a call.
type channel interface{ sessionEnd() session.End }

// SendChannel is the end of a channel that sends. One belongs to one call.
type SendChannel struct {
	core *Core
	end  *session.Sender
}

// ReceiveChannel is the end of a channel that receives. One belongs to one call.
type ReceiveChannel struct {
	core *Core
	end  *session.Receiver
}

func (s *SendChannel) sessionEnd() session.End    { return s.end }
func (r *ReceiveChannel) sessionEnd() session.End { return r.end }

// SendChannel makes a channel to the core; pass it as an argument of a call, then send.
func (c *Core) SendChannel() *SendChannel { return &SendChannel{c, &session.Sender{}} }

// ReceiveChannel makes a channel from the core, whose sender may be so many items ahead (0: a usual number).
func (c *Core) ReceiveChannel(credit int) *ReceiveChannel {
	if credit < 1 {
		credit = session.Credit
	}
	return &ReceiveChannel{c, session.NewReceiver(int64(credit))}
}

// Send sends an item, and waits while the receiver takes no more. Its error is why the channel has ended: [Cancelled] if
// the receiver has dropped it, the call's error if it failed.
func (s *SendChannel) Send(ctx context.Context, item any) error {
	c := s.core
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.await(ctx, &s.end.Changed, func() bool { return s.end.Moves() || c.over != nil }, false)
	if err != nil {
		return (*CommandError)(contextFault(ctx, "sending on a channel"))
	}
	if err := c.session.Send(s.end, item); err != nil {
		return c.known(err)
	}
	c.send(false, true)
	return nil
}

// End ends the channel: that was all. Ending it again does nothing.
func (s *SendChannel) End() { s.core.endChannel(s.end, nil) }

// Fail ends the channel with an error: not everything could be sent.
func (s *SendChannel) Fail(why *CommandError) { s.core.endChannel(s.end, (*wire.Fault)(why)) }

// Receive is the next item; more is false when the channel has ended, err is why if its sender has not just ended it.
func (r *ReceiveChannel) Receive(ctx context.Context) (item any, more bool, err error) {
	c := r.core
	c.mu.Lock()
	defer c.mu.Unlock()
	moves := func() bool { return r.end.Moves() || c.over != nil }
	if err := c.await(ctx, &r.end.Changed, moves, c.session.InFlight() == 1); err != nil {
		return nil, false, (*CommandError)(contextFault(ctx, "receiving from a channel"))
	}
	if len(r.end.Items) > 0 {
		item := c.session.Take(r.end)
		c.settle()
		return item, true, nil
	}
	if r.end.Err == nil && !r.end.Over {
		return nil, false, c.over
	}
	return nil, false, c.known(r.end.Err)
}

// All are the items to the end. What ends it otherwise is the last error; leaving the loop drops the channel.
func (r *ReceiveChannel) All(ctx context.Context) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		defer r.Drop()
		for {
			item, more, err := r.Receive(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if !more || !yield(item, nil) {
				return
			}
		}
	}
}

// Drop ends the channel: no more items are wanted. Doing so when it has ended does nothing.
func (r *ReceiveChannel) Drop() { r.core.endChannel(r.end, nil) }

func (c *Core) endChannel(end session.End, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over == nil {
		c.session.End(end, why)
		c.settle()
	}
}

// Stream runs a command that yields, and is what it yields; an error is the last. Leaving the loop ends the command.
func (c *Core) Stream(ctx context.Context, command string, arguments Args, options ...Option) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		items := c.ReceiveChannel(0)
		passed := make(Args, len(arguments)+1)
		for name, value := range arguments {
			passed[name] = value
		}
		passed["yield"] = items
		call, err := c.Call(ctx, command, passed, options...)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			item, more, err := items.Receive(ctx)
			if err != nil {
				call.Cancel()
				yield(nil, err)
				return
			}
			if !more {
				break
			}
			if !yield(item, nil) {
				items.Drop()
				_, _ = call.Result(ctx) // it is closed, and answered null; nobody wants to know of anything else
				return
			}
		}
		if _, err := call.Result(ctx); err != nil {
			yield(nil, err)
		}
	}
}
