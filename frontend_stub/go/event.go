package stockade

import (
	"context"
	"slices"

	"github.com/stockade-runtime/frontend-go/internal/session"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// Event is something that happened.
type Event struct {
	Name    string
	Payload any
	// Source is the label of the worker that emitted it, or "core".
	Source string
	// Seq numbers the events meant for this worker since it started: a gap is what it has missed.
	Seq int64
	// Trace is the W3C traceparent that it came with, or "".
	Trace string
}

// EventHandler is called with each event, one at a time and in their order, in a goroutine of the connection. Calls made
// and events emitted with its context go on with the event's trace; it is done when the conversation is over.
type EventHandler func(ctx context.Context, event Event)

// Subscription is one handler that listens.
type Subscription struct {
	core    *Core
	topic   string
	handler EventHandler
	isOnce  bool
	isOver  bool
}

// topic is who listens to one, and the answer of the core that they share.
type topic struct {
	subscriptions []*Subscription
	answer        *session.Pending
}

// Listen has the handler called with each event of this name or, if it ends in a slash, of all whose names begin so.
// When it returns, none can be missed any more without being counted.
func (c *Core) Listen(ctx context.Context, name string, handler EventHandler) (*Subscription, error) {
	return c.listen(ctx, name, handler, false)
}

// Once has the handler called with the next such event, and no other.
func (c *Core) Once(ctx context.Context, name string, handler EventHandler) (*Subscription, error) {
	return c.listen(ctx, name, handler, true)
}

func (c *Core) listen(ctx context.Context, name string, handler EventHandler, once bool) (*Subscription, error) {
	wanted, err := wire.TopicOf(name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return nil, c.over
	}
	listened, err := c.subscribe(wanted)
	if err != nil {
		return nil, c.known(err)
	}
	subscription := &Subscription{core: c, topic: wanted, handler: handler, isOnce: once}
	listened.subscriptions = append(listened.subscriptions, subscription)
	answer := listened.answer
	err = c.await(ctx, &answer.Signal, func() bool { return answer.Done }, false)
	switch {
	case err != nil:
		subscription.close()
		return nil, (*CommandError)(contextFault(ctx, "listening to "+name))
	case answer.Err != nil:
		subscription.close()
		return nil, c.known(answer.Err)
	}
	return subscription, nil
}

// subscribe is the topic that is listened to, from now on if need be.
func (c *Core) subscribe(wanted string) (*topic, error) {
	if listened := c.listeners[wanted]; listened != nil {
		return listened, nil
	}
	if int64(len(c.listeners)) >= c.session.Limits.Topics {
		return nil, &wire.Fault{Code: wire.Busy, Message: "no more topics are taken (nothing was sent)"}
	}
	answer, err := c.session.Subscribe(wanted)
	if err != nil {
		return nil, err
	}
	listened := &topic{answer: answer}
	c.listeners[wanted] = listened
	if err := c.link.Subscribe(wanted); err != nil {
		return nil, err
	}
	c.takeEvents() // whoever has used a socket looks at it
	return listened, nil
}

// Close has the handler called no more, not even with events that have come and wait. Doing so again does nothing.
func (s *Subscription) Close() {
	s.core.mu.Lock()
	defer s.core.mu.Unlock()
	s.close()
}

func (s *Subscription) close() {
	c := s.core
	if s.isOver {
		return
	}
	s.isOver = true
	listened := c.listeners[s.topic]
	listened.subscriptions = slices.DeleteFunc(listened.subscriptions, func(other *Subscription) bool { return other == s })
	if len(listened.subscriptions) > 0 {
		return
	}
	delete(c.listeners, s.topic)
	if c.over != nil {
		return
	}
	if err := c.link.Unsubscribe(s.topic); err != nil {
		c.finish(err)
	}
	c.takeEvents()
}

// dispatch calls handlers.
func (c *Core) dispatch() {
	for {
		event, handlers, arrived := c.nextEvent()
		switch {
		case arrived != nil:
			<-arrived
			continue
		case handlers == nil:
			return
		}
		ctx := context.WithValue(c.context, servingKey{}, &serving{trace: event.Trace})
		for _, subscription := range handlers {
			subscription.handler(ctx, Event(event))
		}
	}
}

// nextEvent is the next event and who listens to it, or what tells of one; none of both if the conversation is over.
func (c *Core) nextEvent() (wire.Event, []*Subscription, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	event, isThere := c.session.Inbox.Take()
	switch {
	case !isThere && c.over != nil:
		return event, nil, nil
	case !isThere:
		return event, nil, c.session.Inbox.Arrived.Wait()
	}
	handlers := []*Subscription{}
	for _, name := range wire.TopicsFor(event.Name) {
		if listened := c.listeners[name]; listened != nil {
			handlers = append(handlers, listened.subscriptions...)
		}
	}
	for _, subscription := range handlers {
		if subscription.isOnce {
			subscription.close()
		}
	}
	return event, handlers, nil
}

// EmitOption changes how an event is emitted.
type EmitOption func(*emitted)

type emitted struct{ to, trace string }

// To sends the event to the worker of this label alone.
func To(worker string) EmitOption { return func(e *emitted) { e.to = worker } }

// WithTrace has the event carry this W3C traceparent; without it the one of the context goes on.
func WithTrace(traceparent string) EmitOption { return func(e *emitted) { e.trace = traceparent } }

// Emit tells all who listen. It waits while the core takes no more. Its error is a [*CommandError], an [*Ended], or says
// that the event cannot be sent.
func (c *Core) Emit(ctx context.Context, event string, payload any, options ...EmitOption) error {
	said := emitted{}
	if serving, _ := ctx.Value(servingKey{}).(*serving); serving != nil {
		said.trace = serving.trace
	}
	for _, option := range options {
		option(&said)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return c.over
	}
	prepared, err := c.session.PrepareEmit(event, payload, said.to, said.trace)
	if err != nil {
		return c.known(err)
	}
	return c.emit(ctx, event, prepared)
}

func (c *Core) emit(ctx context.Context, name string, prepared *wire.Emit) error {
	for {
		canEmit := func() bool { return c.takesEmits && c.hasRoom || c.over != nil }
		if err := c.await(ctx, &c.canEmit, canEmit, false); err != nil {
			return (*CommandError)(contextFault(ctx, "emitting "+name))
		}
		if c.over != nil || c.session.State != session.Open {
			return c.known(session.ErrLeft)
		}
		frame, err := prepared.Frame(c.session.Emitted + 1)
		if err != nil {
			return err
		}
		sent, err := c.sendEmit(frame)
		if err != nil {
			c.finish(err)
			return c.over
		}
		if sent {
			c.session.Emitted++
			return nil
		}
		c.hasRoom = false // until the descriptor tells of some
	}
}

// sendEmit sends one frame; false if there is no room, also behind a look at what libzmq's own thread has done.
func (c *Core) sendEmit(frame []byte) (bool, error) {
	sent, err := c.link.Emit(frame)
	c.takeEmits() // whoever has used a socket looks at it
	if sent || err != nil || c.over != nil {
		return sent, err
	}
	return c.link.Emit(frame)
}
