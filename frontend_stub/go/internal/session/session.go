package session

import (
	"fmt"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// State is where the conversation stands, as this side sees it.
type State int

const (
	// Born: nothing has been said.
	Born State = iota
	// Greeting: hello is said, the answer awaited.
	Greeting
	// Open: the core has said welcome.
	Open
	// Leaving: bye is said, the answer awaited.
	Leaving
	// Left: nothing may be said.
	Left
)

func (s State) String() string {
	return [...]string{"not begun", "greeting", "open", "leaving", "over"}[s]
}

// Session is the worker's side of one link. What it returns as errors are an *Ended, if the conversation is over with
// it, a *wire.Fault, which is what the core would answer, as far as it can be known here, or this worker's own bug.
type Session struct {
	State  State
	Outbox Outbox
	Inbox  Inbox
	// Limits and Grants hold from welcome on.
	Limits wire.Limits
	Grants wire.Grants
	// Asked are calls of the core's that no handler runs yet: whoever runs them takes them out.
	Asked []*Handled
	// Answered are channels of calls that have their results: whoever has them closes them, best when others may touch
	// the session again, since those that wake want to.
	Answered []chan struct{}
	// Stopping: the core has asked this worker to finish, within Grace milliseconds; Stopped happens then.
	Stopping bool
	Grace    int64
	Stopped  Signal
	// IsReady: ready has been said.
	IsReady bool
	// Emitted counts the events that went out; EmitsHandled, once the core has said bye, those that it has handled.
	Emitted, EmitsHandled int64

	label      string
	generation int64
	stub       string
	calls      calls
	handled    handledCalls
	channels   *channels
	timers     timers
	hello, bye *Pending
	asked      map[string][]*Pending
	now        time.Time
}

// New begins for this worker. The stub is what hello says; queue bounds the events that wait for their handlers.
func New(label string, generation int64, stub string, queue int) *Session {
	s := &Session{
		label: label, generation: generation, stub: stub, hello: &Pending{}, bye: &Pending{}, asked: map[string][]*Pending{},
	}
	s.Inbox.bound = queue
	s.Outbox.Messages = 1
	s.Limits.Depth = wire.Depth
	s.channels = newChannels(&s.Outbox, &s.Limits)
	s.calls = calls{session: s, flight: map[int64]*Call{}, putOff: map[*Call]struct{}{}}
	s.handled = handledCalls{session: s, exports: map[string]*Export{}, open: map[int64]*Handled{}}
	return s
}

// InFlight is how many calls of this worker the core has not answered.
func (s *Session) InFlight() int { return len(s.calls.flight) }

// Handling is how many calls of the core's this worker has not answered.
func (s *Session) Handling() int { return len(s.handled.open) }

// -- what this worker says ---------------------------------------------------------------------------------------------

// Hello begins.
func (s *Session) Hello() *Pending {
	s.State = Greeting
	s.Outbox.put(wire.Say("hello", map[string]any{"protocol": wire.Protocol, "stub": s.stub}))
	return s.hello
}

// Ready says, once, that this worker has set up what it needs, and what it exports.
func (s *Session) Ready() {
	if s.IsReady || s.State != Open {
		return
	}
	s.IsReady = true
	if len(s.handled.exports) == 0 {
		s.Outbox.put(wire.Say("ready"))
		return
	}
	s.Outbox.put(wire.Say("ready", map[string]any{"exports": s.handled.said()}))
}

// Subscribe: this worker is about to subscribe to the topic.
func (s *Session) Subscribe(topic string) (*Pending, error) {
	if s.State != Open {
		return nil, ErrLeft
	}
	name, allowed := topic[:len(topic)-1], false
	if topic[len(topic)-1] == '/' {
		name, allowed = topic, s.Grants.Listen.Covers(topic)
	} else {
		allowed = s.Grants.Listen.Allows(name)
	}
	if !allowed {
		return nil, faultOf(wire.NotAllowed, "%s may not listen to %q (its grants say so; nothing was sent)", s.label, name)
	}
	pending := &Pending{}
	s.asked[topic] = append(s.asked[topic], pending)
	return pending, nil
}

// PrepareEmit checks and encodes an event.
func (s *Session) PrepareEmit(name string, payload any, to, trace string) (*wire.Emit, error) {
	switch {
	case !wire.IsEvent(name):
		return nil, fmt.Errorf("%q is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . -, no slash at the end", name)
	case s.State != Open:
		return nil, ErrLeft
	case !s.Grants.Emit.Allows(name):
		return nil, faultOf(wire.NotAllowed, "%s may not emit %q (its grants say so; nothing was sent)", s.label, name)
	}
	emit, err := wire.NewEmit(name, payload, to, trace, int(s.Limits.Depth))
	if err != nil {
		return nil, err
	}
	frame, err := emit.Frame(wire.LargestID)
	if size := int64(len(frame)); err == nil && size > s.Limits.Event {
		err = tooLarge("%d bytes, where an event may have %d (nothing was sent)", size, s.Limits.Event)
	}
	return emit, err
}

// Bye takes leave. Nothing more may be said; the answer is the end.
func (s *Session) Bye() *Pending {
	if s.State == Open {
		left := faultOf(wire.Unavailable, "this worker leaves")
		s.calls.isOver = true
		for _, handled := range s.handled.open {
			s.handled.stop(handled, left)
			s.handled.done(handled)
		}
		s.Asked = nil
		for _, call := range s.calls.all() {
			if call.id == 0 {
				s.calls.cancel(call, faultOf(wire.Cancelled, "this worker leaves"))
			}
		}
		s.channels.closeAll(left)
		s.State = Leaving
		s.Outbox.put(wire.Say("bye", map[string]any{"emitted": s.Emitted}))
	}
	return s.bye
}

// Finish ends all that waits with this error.
func (s *Session) Finish(err error) {
	s.State = Left
	s.calls.isOver = true
	for _, handled := range s.handled.open {
		s.handled.stop(handled, err)
	}
	for _, call := range s.calls.all() {
		s.calls.cancel(call, err)
	}
	for _, asked := range s.asked {
		for _, pending := range asked {
			pending.answer(nil, err)
		}
	}
	s.hello.answer(nil, err)
	s.bye.answer(nil, err)
	s.channels.closeAll(err)
	s.Inbox.Arrived.Fire()
	s.Stopped.Fire()
	s.timers = nil
}

// Send sends an item, for which there is credit. Its errors are what has ended the channel, too.
func (s *Session) Send(sender *Sender, value any) error {
	switch {
	case sender.Over && sender.Err != nil:
		return sender.Err
	case sender.Over:
		return ErrEnded
	}
	return s.channels.send(sender, value)
}

// Take is the next item, which must be there.
func (s *Session) Take(receiver *Receiver) any { return s.channels.take(receiver) }

// End ends a channel from this side, a sender's with an error if it could not send everything. Doing so again does
// nothing.
func (s *Session) End(end End, err error) { s.channels.finish(end, err) }

// -- time --------------------------------------------------------------------------------------------------------------

// Next is when Wake should be called, if at all.
func (s *Session) Next() (time.Time, bool) {
	if len(s.timers) == 0 {
		return time.Time{}, false
	}
	return s.timers[0].at, true
}

// Wake sees to what is due by now.
func (s *Session) Wake(now time.Time) { s.timers.wake(now) }
