package session

import (
	"math/rand/v2"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// The pause before a call that was answered busy is tried again: doubled each time, from the first to the last.
const (
	firstPause = time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// Asking is how a call is to be made, beside its command and arguments.
type Asking struct {
	// Deadline is when it is over; zero: the core's own deadline applies, unless it is Unlimited.
	Deadline  time.Time
	Unlimited bool
	// NoWait: it fails when it is busy, and is not tried again.
	NoWait     bool
	Idempotent bool
	Trace      string
	// Parent is the call that this one is part of.
	Parent *Handled
	// Ends are the channels that it passes, by argument.
	Ends map[string]End
}

// Call is a call that this worker makes. It is held while there is no room for it, in flight once its message is in the
// outbox, put off when the core has said busy; then it is made anew, under its next id.
type Call struct {
	Pending
	Command   string
	Arguments map[string]any
	Asking    Asking
	id        int64 // 0: not in flight
	tries     int
	deadline  *timer
	again     *timer
}

type calls struct {
	session *Session
	flight  map[int64]*Call
	held    []*Call
	putOff  map[*Call]struct{}
	last    int64
	pace    *pace
	paced   *timer
	isOver  bool
}

// Call asks for a command. It is in flight at once if there is room, else it is held until there is.
func (s *Session) Call(call *Call, now time.Time) error {
	c := &s.calls
	if c.isOver {
		return ErrLeft
	}
	if !s.Grants.Commands.Allows(call.Command) {
		return faultOf(wire.NotAllowed, "%s may not call %q (its grants say so; nothing was sent)", s.label, call.Command)
	}
	asking := &call.Asking
	if asking.Parent != nil && asking.Parent.Stopped != nil {
		return asking.Parent.Stopped
	}
	if !s.channels.hasRoom(len(asking.Ends)) {
		return faultOf(wire.Busy, "%d channels are open, and no more are taken (nothing was sent)", s.channels.own)
	}
	if !asking.Deadline.IsZero() && !asking.Deadline.After(now) {
		return faultOf(wire.DeadlineExceeded, "%s: its time was over before it was sent", call.Command)
	}
	if err := c.begin(call, now); err != nil {
		return err
	}
	for _, end := range asking.Ends {
		end.end().bound = true
	}
	if !asking.Deadline.IsZero() {
		c.keepDeadline(call)
	}
	return nil
}

// IsBound says whether a call has this end already: a channel belongs to one.
func IsBound(end End) bool { return end.end().bound }

func (c *calls) begin(call *Call, now time.Time) error {
	if len(c.held) == 0 && c.hasRoom() && c.pause(now) == 0 {
		return c.send(call, now)
	}
	if call.Asking.NoWait {
		return faultOf(wire.Busy, "as many calls are in flight, or in a second, as may be (nothing was sent)")
	}
	c.held = append(c.held, call)
	c.admit(now)
	return nil
}

func (c *calls) hasRoom() bool { return int64(len(c.flight)) < c.session.Limits.Calls }

func (c *calls) pause(now time.Time) time.Duration {
	if c.pace == nil {
		return 0
	}
	return c.pace.take(now)
}

// admit sends what is held, as far as there is room.
func (c *calls) admit(now time.Time) {
	for len(c.held) > 0 && c.hasRoom() {
		call := c.held[0]
		if !call.Done {
			if pause := c.pause(now); pause > 0 {
				c.session.timers.stop(c.paced)
				c.paced = c.session.timers.add(now.Add(pause), c.admit)
				return
			}
			if err := c.send(call, now); err != nil {
				c.session.timers.stop(call.deadline)
				call.answer(nil, err)
			}
		}
		c.held[0] = nil
		c.held = c.held[1:]
	}
}

func (c *calls) send(call *Call, now time.Time) error {
	s := c.session
	options := call.Asking.options(now)
	if len(call.Asking.Ends) > 0 {
		options["channels"] = s.channels.openAll(call.Asking.Ends)
	}
	// A batch and a call stand around the arguments: two of the containers that may stand within each other.
	message, err := wire.SayCall(c.last+1, call.Command, call.Arguments, options, int(s.Limits.Depth)-2)
	if size := int64(message.Size()) + wire.LargestHead; err == nil && size > s.Limits.Message {
		err = tooLarge("%d bytes, where a call may have %d (nothing was sent); pass what is larger through a channel",
			size, s.Limits.Message)
	}
	if err != nil {
		s.channels.unopen(call.Asking.Ends)
		return err
	}
	c.last++
	call.id = c.last
	c.flight[call.id] = call
	s.Outbox.put(message)
	s.channels.sayEnded(call.Asking.Ends)
	return nil
}

// options is what the message says of it, but for channels and raw frames.
func (a *Asking) options(now time.Time) map[string]any {
	if a.Deadline.IsZero() && !a.Unlimited && a.Parent == nil && a.Trace == "" && !a.Idempotent && len(a.Ends) == 0 {
		return nil
	}
	options := make(map[string]any, 4)
	switch {
	case !a.Deadline.IsZero():
		left := a.Deadline.Sub(now)
		options["deadline"] = max(0, int64((left+time.Millisecond-1)/time.Millisecond))
	case a.Unlimited:
		options["deadline"] = nil
	}
	if a.Parent != nil {
		options["parent"] = a.Parent.id
	}
	if a.Trace != "" {
		options["trace"] = a.Trace
	}
	if a.Idempotent {
		options["idempotent"] = true
	}
	return options
}

// -- answers -----------------------------------------------------------------------------------------------------------

func (c *calls) answered(id int64) (*Call, error) {
	call, isInFlight := c.flight[id]
	if !isInFlight {
		return nil, broken("an answer to call %d, which was never made or has been answered", id)
	}
	delete(c.flight, id)
	return call, nil
}

func (c *calls) succeed(id int64, value any) error {
	call, err := c.answered(id)
	if err != nil {
		return err
	}
	if call.deadline != nil {
		c.session.timers.stop(call.deadline)
	}
	if call.Done {
		return nil
	}
	call.Done, call.Value = true, value
	if call.channel != nil {
		c.session.Answered = append(c.session.Answered, call.channel)
		call.channel = nil
	}
	if call.Kick != nil {
		call.Kick()
	}
	return nil
}

func (c *calls) fail(id int64, fault *wire.Fault, now time.Time) error {
	call, err := c.answered(id)
	if err != nil || call.Done {
		return err
	}
	if fault.Code == wire.Busy && !call.Asking.NoWait && !c.isOver {
		c.tryAgain(call, fault, now)
		return nil
	}
	c.session.timers.stop(call.deadline)
	for _, end := range call.Asking.Ends {
		c.session.channels.close(end, fault)
	}
	call.answer(nil, fault)
	return nil
}

// tryAgain puts it off. The core's own deadline holds from the first try on: else each would have it anew.
func (c *calls) tryAgain(call *Call, fault *wire.Fault, now time.Time) {
	s, asking := c.session, &call.Asking
	if asking.Deadline.IsZero() && !asking.Unlimited && s.Limits.Deadline > 0 {
		asking.Deadline = now.Add(time.Duration(s.Limits.Deadline) * time.Millisecond)
		c.keepDeadline(call)
	}
	s.channels.forget(asking.Ends)
	pause := min(lastPause, firstPause<<min(call.tries, 10))
	call.tries++
	// Half of it by chance, so that those who were refused together do not come again together.
	pause = pause/2 + rand.N(pause/2)
	if data, isMap := fault.Data.(map[string]any); isMap {
		if wait, isNumber := wire.Integer(data["retry_after_ms"]); isNumber {
			pause = max(pause, time.Duration(min(wait, 3_600_000))*time.Millisecond)
		}
	}
	call.id = 0
	c.putOff[call] = struct{}{}
	call.again = s.timers.add(now.Add(pause), func(now time.Time) {
		delete(c.putOff, call)
		c.held = append(c.held, call)
		c.admit(now)
	})
}

func (c *calls) keepDeadline(call *Call) {
	call.deadline = c.session.timers.add(call.Asking.Deadline, func(time.Time) {
		state := "no answer in its time"
		if call.id == 0 {
			state = "busy for all of its time, so it never ran"
		}
		c.cancel(call, faultOf(wire.DeadlineExceeded, "%s: %s", call.Command, state))
	})
}

// -- the end of some ---------------------------------------------------------------------------------------------------

// Cancel: nobody wants the answer of this call any more. It ends with err here; the core is told if it knows of it. Its
// id and its place among those in flight stay taken until the core's answer, which is ignored.
func (s *Session) Cancel(call *Call, err error) { s.calls.cancel(call, err) }

func (c *calls) cancel(call *Call, err error) {
	if call.Done {
		return
	}
	delete(c.putOff, call)
	c.session.timers.stop(call.deadline)
	c.session.timers.stop(call.again)
	if call.id != 0 && !c.isOver {
		c.session.Outbox.put(wire.Say("cancel", call.id))
	}
	for _, end := range call.Asking.Ends {
		// The answer may have crossed, and a result leaves channels open: so each is ended too.
		c.session.channels.finish(end, err)
	}
	call.answer(nil, err)
}

// cancelNested: the call that was being handled when these were made should not go on, so neither should these.
func (c *calls) cancelNested(handled *Handled) {
	if !handled.HasNested {
		return
	}
	for _, call := range c.all() {
		if call.Asking.Parent == handled {
			c.cancel(call, handled.Stopped)
		}
	}
}

func (c *calls) all() []*Call {
	all := append([]*Call(nil), c.held...)
	for _, call := range c.flight {
		all = append(all, call)
	}
	for call := range c.putOff {
		all = append(all, call)
	}
	return all
}
