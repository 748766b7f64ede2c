package session

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// Export is a command that this worker answers, and how the core may use it.
type Export struct {
	Concurrency int
	Idempotent  bool
	// Handler is for whoever runs it.
	Handler any
}

// Handled is a call that this worker answers.
type Handled struct {
	Command   string
	Caller    string
	Trace     string
	Arguments map[string]any
	// Ends are the channels that it opens, by argument.
	Ends   map[string]End
	Export *Export
	// Deadline is when it is over; zero: never.
	Deadline time.Time
	// Stopped is why it should not go on, if so; WhenStopped is called then.
	Stopped     error
	WhenStopped func(error)
	// HasNested: calls have been made that are part of it.
	HasNested bool
	// Done once it is answered.
	Done bool

	id       int64
	deadline *timer
	isBegun  bool
}

// Reference is how the log of this worker names it.
func (h *Handled) Reference(label string) string { return fmt.Sprintf("%s/%d", label, h.id) }

type handledCalls struct {
	session *Session
	exports map[string]*Export
	open    map[int64]*Handled
	last    int64
}

// Export answers this command from ready on, which must not have been said.
func (s *Session) Export(command string, export *Export) error {
	switch count := utf8.RuneCountInString(command); {
	case count == 0 || count > 128 || !utf8.ValidString(command):
		return fmt.Errorf("%q is no command's name: it has 1 to 128 characters", command)
	case s.handled.exports[command] != nil:
		return fmt.Errorf("%q is exported already", command)
	case export.Concurrency < 1:
		return fmt.Errorf("%q with a concurrency of %d: it would never be called", command, export.Concurrency)
	case s.IsReady:
		return fmt.Errorf("%q is exported too late: ready has been said", command)
	}
	s.handled.exports[command] = export
	return nil
}

func (h *handledCalls) said() map[string]any {
	said := make(map[string]any, len(h.exports))
	for command, export := range h.exports {
		said[command] = map[string]any{"concurrency": export.Concurrency, "idempotent": export.Idempotent}
	}
	return said
}

// -- what the core says ------------------------------------------------------------------------------------------------

func (h *handledCalls) call(call wire.Call, frames *wire.Frames, now time.Time) error {
	if call.ID <= h.last {
		return broken("call %d after call %d", call.ID, h.last)
	}
	h.last = call.ID
	for name, index := range call.Options.Raw {
		if _, isThere := call.Arguments[name]; isThere {
			return broken("a call with an argument that stands in two places")
		}
		frame, err := frames.Take(index)
		if err != nil {
			return broken("%v", err)
		}
		call.Arguments[name] = frame
	}
	ends, err := h.session.channels.accept(call.Options.Channels)
	if err != nil {
		return err
	}
	for name := range ends {
		if _, isThere := call.Arguments[name]; isThere {
			return broken("a call with an argument that stands in two places")
		}
	}
	handled := &Handled{
		id: call.ID, Command: call.Command, Caller: call.Options.Caller, Trace: call.Options.Trace,
		Arguments: call.Arguments, Ends: ends, Export: h.exports[call.Command],
	}
	for _, end := range ends {
		end.end().of = handled
	}
	h.open[call.ID] = handled
	if call.Options.Insists != "" {
		h.fail(handled, faultOf(wire.BadMessage, "the option %q is not known here", call.Options.Insists))
		return nil
	}
	h.take(handled, call.Options.Deadline, now)
	return nil
}

func (h *handledCalls) take(handled *Handled, deadline int64, now time.Time) {
	switch {
	case handled.Export == nil:
		h.fail(handled, faultOf(wire.NotFound, "%s does not export %q", h.session.label, handled.Command))
		return
	case deadline == 0:
		h.expire(handled)
		return
	case deadline > 0:
		handled.Deadline = now.Add(time.Duration(min(deadline, longest)) * time.Millisecond)
		handled.deadline = h.session.timers.add(handled.Deadline, func(time.Time) { h.expire(handled) })
	}
	h.session.Asked = append(h.session.Asked, handled)
}

// longest is about thirty years in milliseconds: what is more does not fit into a Duration any more.
const longest = 1e12

// Begin says that a handler runs now, unless it is not to run any more.
func (s *Session) Begin(handled *Handled) bool {
	handled.isBegun = !handled.Done
	return handled.isBegun
}

func (h *handledCalls) cancel(id int64) error {
	if id == 0 || id > h.last {
		return broken("a cancel of call %d, which was never made", id)
	}
	if handled := h.open[id]; handled != nil {
		h.stop(handled, faultOf(wire.Cancelled, "the call was cancelled"))
		if !handled.isBegun {
			h.fail(handled, AsFault(handled.Stopped))
		} // else when its handler has stopped: until then it takes part of what the core may ask at once
	}
	return nil
}

// expire: its time is over. It is answered now, whatever its handler does.
func (h *handledCalls) expire(handled *Handled) {
	fault := faultOf(wire.DeadlineExceeded, "%s took longer than it had", handled.Command)
	h.stop(handled, fault)
	h.fail(handled, fault)
}

func (h *handledCalls) stop(handled *Handled, why error) {
	if handled.Stopped != nil || handled.Done {
		return
	}
	handled.Stopped = why
	if handled.WhenStopped != nil {
		handled.WhenStopped(why)
	}
	h.session.calls.cancelNested(handled)
}

// -- what this worker says ---------------------------------------------------------------------------------------------

// Result answers the call, whose channels stay open, unless it has been answered; one that was stopped is answered so. What cannot be sent is an error for
// the caller, and returned.
func (s *Session) Result(handled *Handled, value any) error {
	switch {
	case handled.Done:
		return nil
	case handled.Stopped != nil:
		s.handled.fail(handled, AsFault(handled.Stopped))
		return nil
	}
	message, err := wire.SayValue("result", handled.id, value, int(s.Limits.Depth)-2)
	if size := int64(message.Size()) + wire.LargestHead; err == nil && size > s.Limits.Message {
		fault := faultOf(wire.TooLarge, "a result of %d bytes, where a message may have %d: stream it", size, s.Limits.Message)
		s.handled.fail(handled, fault)
		return fault
	}
	if err != nil {
		s.handled.fail(handled, faultOf(wire.Failed, "the result of %s cannot be sent", handled.Command))
		return err
	}
	s.handled.done(handled)
	s.Outbox.put(message)
	return nil
}

// Fail answers the call with an error, with which its channels end too, unless it has been answered.
func (s *Session) Fail(handled *Handled, fault *wire.Fault) { s.handled.fail(handled, fault) }

func (h *handledCalls) fail(handled *Handled, fault *wire.Fault) {
	if handled.Done {
		return
	}
	h.done(handled)
	h.session.Outbox.put(wire.SayFault("error", handled.id, fault, int(h.session.Limits.Depth)-2))
	for _, end := range handled.Ends {
		h.session.channels.close(end, fault)
	}
}

func (h *handledCalls) done(handled *Handled) {
	handled.Done = true
	delete(h.open, handled.id)
	h.session.timers.stop(handled.deadline)
}
