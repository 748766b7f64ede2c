package stockade

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/link"
	"github.com/stockade-runtime/frontend-go/internal/session"
)

// How this connection waits. One goroutine, the reader, waits for all three sockets. But a call that is alone is waited
// for by its caller, in poll(2): that is the *leader*, and takes in whatever comes, for all. So one call at a time goes
// through no other thread, and costs what a blocking send and receive do.
//
// The reader may be in poll at the same time, since a leader that comes does not wake it for that; it wakes with the
// leader, sees that there is one, and stands by until it is told that there is none. Whoever has the mutex and is not
// the leader leaves what has come to the leader only if he was told of it by poll: what he finds behind a send of his
// own he takes, and kicks the leader if that was what it waits for.

// eager: messages that have gathered are sent when there are so many, so that the core works while the next are made.
const eager = 64

// linger is how long fewer than that wait for more, where the core has as many to do meanwhile, each of which takes it
// some 10 µs. Sent as they came, they were a third as many in a batch, and the core answered a tenth less.
const linger = 300 * time.Microsecond

// read is the reader.
func (c *Core) read() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.over == nil {
		if c.leader {
			c.attends = false
			if c.gathering {
				c.gathered()
			}
			c.mu.Unlock()
			<-c.vacated
			c.mu.Lock()
			continue
		}
		lingers := c.lingers()
		c.attends = lingers >= 0
		if ready := c.poll(lingers); !c.leader {
			c.reading, c.attends = true, true
			c.takeIn(ready)
			c.wakeAndYield()
			c.reading = false
		}
	}
}

// wakeAndYield wakes those whose answers have come when they can have the mutex, and lets them run before this goroutine
// takes its thread, and with it the right to run Go code, into a system call that sleeps.
func (c *Core) wakeAndYield() {
	for len(c.session.Answered) > 0 {
		answered := c.session.Answered
		c.session.Answered = nil
		c.mu.Unlock()
		wakeAll(answered)
		runtime.Gosched()
		c.mu.Lock()
	}
}

// lingers is how long the reader may wait before what has gathered is to be sent; less than nothing is for ever.
func (c *Core) lingers() time.Duration {
	if !c.gathering {
		return -1
	}
	return max(0, time.Until(c.gatherUntil))
}

// poll waits, without the mutex, until something has happened to a socket, or for so long.
func (c *Core) poll(most time.Duration) link.Ready {
	if c.over != nil {
		return link.Ready{}
	}
	sockets := c.link
	c.polling++
	c.mu.Unlock()
	ready, err := sockets.Poll(most)
	c.mu.Lock()
	c.polling--
	if err != nil {
		c.finish(err)
	}
	c.closeLink()
	return ready
}

// await waits, without the mutex, until done. Its error is the context's. Who is alone leads.
func (c *Core) await(ctx context.Context, signal *session.Signal, done func() bool, alone bool) error {
	if alone && !c.leader && !done() {
		return c.lead(ctx, signal, done)
	}
	ended := c.endOf(ctx)
	for !done() {
		changed := signal.Wait()
		c.mu.Unlock()
		if ended == nil {
			<-changed
		} else {
			select {
			case <-changed:
			case <-ended:
			}
		}
		c.mu.Lock()
		if ctx.Err() != nil && !done() {
			return ctx.Err()
		}
	}
	return nil
}

// endOf is what tells that the context is done; nil if that is never, or when the conversation is over, with which all
// that waits ends anyhow: so goroutines need not queue up for the one context that most of them have.
func (c *Core) endOf(ctx context.Context) <-chan struct{} {
	if ended := ctx.Done(); ended != c.context.Done() {
		return ended
	}
	return nil
}

func (c *Core) lead(ctx context.Context, signal *session.Signal, done func() bool) error {
	c.leader = true
	if c.endOf(ctx) != nil {
		defer context.AfterFunc(ctx, c.link.Kick)()
	}
	for !done() && ctx.Err() == nil {
		signal.Kick = c.link.Kick
		ready := c.poll(-1)
		signal.Kick = nil
		c.takeIn(ready)
	}
	c.leader = false
	select {
	case c.vacated <- struct{}{}:
	default:
	}
	if !done() {
		return ctx.Err()
	}
	return nil
}

// takeIn reads what there is on these sockets, and does what follows from it.
func (c *Core) takeIn(ready link.Ready) {
	if c.over != nil {
		return
	}
	if ready.Kicked {
		c.link.Kicked()
	}
	if ready.Events {
		c.takeEvents()
	}
	if ready.Emits {
		c.takeEmits()
	}
	c.settle()
}

// settle sends what has gathered, takes what has come on the commands socket, and begins what has been asked for. It is
// called behind whatever is done with the session.
func (c *Core) settle() {
	if c.over != nil {
		return
	}
	defer c.wakeAnswered()
	if err := c.exchange(); err != nil {
		c.finish(err)
		return
	}
	for _, handled := range c.session.Asked {
		c.begin(handled)
	}
	c.session.Asked = nil
	if next, any := c.session.Next(); any && (c.alarmAt.IsZero() || next.Before(c.alarmAt)) {
		c.alarmAt = next
		c.alarm.Reset(time.Until(next))
	}
}

// wakeAnswered wakes those whose answers have come; the reader does so when it has let go of the mutex.
func (c *Core) wakeAnswered() {
	if !c.reading && len(c.session.Answered) > 0 {
		wakeAll(c.session.Answered)
		c.session.Answered = nil
	}
}

func wakeAll(answered []chan struct{}) {
	for _, channel := range answered {
		close(channel)
	}
}

func (c *Core) exchange() error {
	for c.session.State != session.Left {
		sent, err := c.flush()
		if err != nil {
			return err
		}
		canReceive, canSend, err := c.link.Look()
		switch {
		case err != nil:
			return err
		case canReceive:
			frame, raw, err := c.link.Receive()
			if err != nil {
				return err
			}
			if err := c.session.Receive(frame, raw, time.Now()); err != nil {
				return err
			}
		case sent || !canSend:
			return nil // if there is no room, the descriptor tells when there is, and that leads here
		}
	}
	return nil
}

// flush sends what has gathered, unless it waits for more; false if there is no room for all of it.
func (c *Core) flush() (bool, error) {
	if c.gathering && c.session.Outbox.Len() < eager && c.coreIsBusy() && time.Now().Before(c.gatherUntil) {
		return true, nil
	}
	c.gathering = false
	for batch := c.session.Outbox.Next(); batch != nil; batch = c.session.Outbox.Next() {
		if sent, err := c.link.Send(batch); !sent || err != nil {
			return false, err
		}
		c.session.Outbox.Sent()
	}
	return true, nil
}

// send sends what has just been put: at once if it is alone, else when those have put theirs who can run now.
func (c *Core) send(alone, mayYield bool) {
	switch {
	case alone || c.session.Outbox.Len() >= eager:
		c.settle()
	case c.gathering:
	case mayYield:
		c.gathering, c.gatherUntil = true, time.Now().Add(linger)
		c.gather()
	default:
		c.gathering, c.gatherUntil = true, time.Now().Add(linger)
		go func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.gather()
		}()
	}
}

// gather lets others run as long as they put more: those whose answers have come together ask together again. With
// 256 calls in flight, sending behind the first of them made hundreds of batches of a few calls. What is little then is
// left to the reader, where it is about to wait for more answers, and the core has enough to do.
func (c *Core) gather() {
	for before := 0; c.gathering && c.session.Outbox.Len() > before && c.session.Outbox.Len() < eager; {
		before = c.session.Outbox.Len()
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
	if c.gathering && !(c.attends && c.coreIsBusy()) {
		c.gathered()
	}
}

// coreIsBusy: it has so many calls that it can do without those that have gathered for now.
func (c *Core) coreIsBusy() bool { return c.session.InFlight()-c.session.Outbox.Len() >= eager }

// gathered sends what has gathered.
func (c *Core) gathered() {
	c.gathering = false
	c.settle()
}

// wake sees to what is due.
func (c *Core) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarmAt = time.Time{}
	c.session.Wake(time.Now())
	c.settle()
}

// -- events and emits --------------------------------------------------------------------------------------------------

func (c *Core) takeEvents() {
	for c.over == nil {
		frame, err := c.link.ReceiveEvent()
		if frame == nil && err == nil {
			return
		}
		if err == nil {
			err = c.session.ReceiveEvent(frame)
		}
		if err != nil {
			c.finish(err)
		}
	}
}

// takeEmits reads what the core's SUB has to say. Looking is also what makes room visible for emits that wait.
func (c *Core) takeEmits() {
	for c.over == nil {
		frame, err := c.link.ReceiveEmits()
		if frame == nil && err == nil {
			break
		}
		if err == nil {
			c.takesEmits, err = c.session.ReceiveSubscription(frame)
		}
		var ended *session.Ended
		switch {
		case errors.As(err, &ended) && ended.Status == session.StatusGone:
			c.lose(err)
		case err != nil:
			c.finish(err)
		}
	}
	c.hasRoom = true
	c.canEmit.Fire()
}

// lose: the core's connection is closed. What it said before may still be on its way.
func (c *Core) lose(why error) {
	if c.isLosing || c.session.State == session.Left {
		return
	}
	c.isLosing = true
	time.AfterFunc(lastWords, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.settle()
		if c.session.State != session.Left {
			c.finish(why)
		}
	})
}
