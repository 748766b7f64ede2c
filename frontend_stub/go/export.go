package stockade

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime/debug"
	"strings"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/session"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// Handling is a call that this worker answers.
type Handling struct {
	Command string
	// Caller is the label of the worker that asks, or "core".
	Caller string
	// Trace is the W3C traceparent that it came with, or "".
	Trace string
	// Arguments are without the channels.
	Arguments Args

	core    *Core
	handled *session.Handled
}

// Handler answers a call with a value, or an error: a [*CommandError] as it is, any other as [Failed], with a reference
// to this worker's log. Its context is done when nobody waits any more: the call was cancelled, or its time is over.
// Calls made with that context are part of this one. Each call is handled in a goroutine of its own.
type Handler func(ctx context.Context, call *Handling) (any, error)

// StreamHandler answers a call with what it yields; an error is the last. It is stopped when the caller wants no more.
type StreamHandler func(ctx context.Context, call *Handling) iter.Seq2[any, error]

// ExportOption changes how the core may use an exported command.
type ExportOption func(*exported)

type exported struct {
	session.Export
	handler    any             // a Handler or a StreamHandler
	parameters map[string]bool // whether each is required; nil: any are taken
}

// Concurrency is how many calls of it this worker takes at a time; else it is 1.
func Concurrency(calls int) ExportOption { return func(e *exported) { e.Concurrency = calls } }

// Repeatable: a call that was lost with this process may be made again elsewhere.
func Repeatable() ExportOption { return func(e *exported) { e.Idempotent = true } }

// Parameters are the names of the arguments that the command takes, channels among them; one that ends in a question mark
// may be missing. A call whose arguments do not fit is answered [InvalidArgs]. Without this option any are taken.
func Parameters(names ...string) ExportOption {
	parameters := make(map[string]bool, len(names))
	for _, name := range names {
		parameters[strings.TrimSuffix(name, "?")] = !strings.HasSuffix(name, "?")
	}
	return func(e *exported) { e.parameters = parameters }
}

// Export answers a command, from [Core.Ready] or [Core.Run] on: export before. Its error is the program's own bug.
func (c *Core) Export(command string, handler Handler, options ...ExportOption) error {
	return c.export(command, handler, options)
}

// ExportStream answers a command with what it yields.
func (c *Core) ExportStream(command string, handler StreamHandler, options ...ExportOption) error {
	return c.export(command, handler, options)
}

// export takes a Handler or a StreamHandler.
func (c *Core) export(command string, handler any, options []ExportOption) error {
	export := &exported{Export: session.Export{Concurrency: 1}, handler: handler}
	for _, option := range options {
		option(export)
	}
	export.Handler = export
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Export(command, &export.Export)
}

// Bind puts the arguments into the fields of the struct that target points to. Its error, as a handler's, is
// [InvalidArgs].
func (h *Handling) Bind(target any) error {
	if err := wire.Convert(h.Arguments, target); err != nil {
		return invalid(err.Error(), "")
	}
	return nil
}

// Deadline is when its time is over, if ever.
func (h *Handling) Deadline() (time.Time, bool) {
	return h.handled.Deadline, !h.handled.Deadline.IsZero()
}

// ReceiveChannel is the channel to this worker that the call has as this argument. Its error, as a handler's, is
// [InvalidArgs].
func (h *Handling) ReceiveChannel(argument string) (*ReceiveChannel, error) {
	end, fits := h.handled.Ends[argument].(*session.Receiver)
	if !fits {
		return nil, invalid(argument+" must be a channel to receive from", argument)
	}
	return &ReceiveChannel{h.core, end}, nil
}

// SendChannel is the channel to the caller that the call has as this argument. Its error, as a handler's, is
// [InvalidArgs]. If the handler returns without having ended it, a result ends it well.
func (h *Handling) SendChannel(argument string) (*SendChannel, error) {
	end, fits := h.handled.Ends[argument].(*session.Sender)
	if !fits {
		return nil, invalid(argument+" must be a channel to send on", argument)
	}
	return &SendChannel{h.core, end}, nil
}

// serving is what a handler works on, in its context.
type serving struct {
	handled *session.Handled // nil for an event
	trace   string
}

type servingKey struct{}

// begin runs the handler of a call that has come.
func (c *Core) begin(handled *session.Handled) {
	if !c.session.Begin(handled) {
		return
	}
	ctx, cancel := context.WithCancelCause(
		context.WithValue(c.context, servingKey{}, &serving{handled: handled, trace: handled.Trace}))
	handled.WhenStopped = cancel
	call := &Handling{
		Command: handled.Command, Caller: handled.Caller, Trace: handled.Trace, Arguments: handled.Arguments,
		core: c, handled: handled,
	}
	go func() {
		defer cancel(nil)
		timely, stop := ctx, func() {}
		if deadline, given := call.Deadline(); given {
			timely, stop = context.WithDeadline(ctx, deadline)
		}
		defer stop()
		value, err := call.run(timely)
		c.answer(call, value, err)
	}()
}

// run runs the handler. A panic of it is an error; only this call has failed.
func (h *Handling) run(ctx context.Context) (value any, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			say("%s panicked: %v\n%s", h.Command, reason, debug.Stack())
			err = errPanicked
		}
	}()
	export := h.handled.Export.Handler.(*exported)
	if err := h.check(export); err != nil {
		return nil, err
	}
	switch handler := export.handler.(type) {
	case Handler:
		return handler(ctx, h)
	case StreamHandler:
		return nil, h.stream(ctx, handler)
	}
	panic("stockade: a handler of a kind that there is not")
}

// check says whether the call's arguments fit what its command takes. Its error is InvalidArgs.
func (h *Handling) check(export *exported) error {
	_, isStream := h.handled.Ends["yield"]
	_, streams := export.handler.(StreamHandler)
	switch {
	case isStream && !streams:
		return invalid(h.Command+" does not stream: invoke it", "yield")
	case streams && !isStream:
		return invalid(h.Command+" streams: ask for its stream", "yield")
	case export.parameters == nil:
		return nil
	}
	given := maps.Clone(h.Arguments)
	for name := range h.handled.Ends {
		given[name] = nil
	}
	delete(given, "yield")
	for name, isRequired := range export.parameters {
		if _, isGiven := given[name]; isRequired && !isGiven {
			return invalid(fmt.Sprintf("%s needs %q", h.Command, name), name)
		}
		delete(given, name)
	}
	for name := range given {
		return invalid(fmt.Sprintf("%s takes no %q", h.Command, name), name)
	}
	return nil
}

func invalid(message, path string) error {
	return &CommandError{Code: wire.InvalidArgs, Message: message, Data: map[string]any{"path": path}}
}

var errPanicked = errors.New("the handler panicked")

func (h *Handling) stream(ctx context.Context, handler StreamHandler) error {
	channel, err := h.SendChannel("yield")
	if err != nil {
		return err
	}
	for item, err := range handler(ctx, h) {
		if err == nil {
			err = channel.Send(ctx, item)
		}
		if err != nil {
			return h.unlessDropped(channel, err)
		}
	}
	channel.End()
	return nil
}

// unlessDropped: a caller that wants no more has had what it wanted.
func (h *Handling) unlessDropped(channel *SendChannel, err error) error {
	h.core.mu.Lock()
	defer h.core.mu.Unlock()
	if channel.end.Over && channel.end.Err == session.ErrDropped {
		return nil
	}
	return err
}

// answer answers a call once its handler has ended.
func (c *Core) answer(call *Handling, value any, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return
	}
	handled, now := call.handled, time.Now()
	if deadline, given := call.Deadline(); given && !now.Before(deadline) {
		c.session.Wake(now) // its context may have told the handler before the session was told
	}
	if err == nil {
		for _, end := range handled.Ends {
			if sender, sends := end.(*session.Sender); sends {
				c.session.End(sender, nil)
			}
		}
		if fault := c.session.Result(handled, value); fault != nil {
			say("the result of %s cannot be sent: %v", call.Command, fault)
		}
	} else if !handled.Done {
		c.session.Fail(handled, c.refusal(call, err))
	}
	for _, end := range handled.Ends {
		if receiver, receives := end.(*session.Receiver); receives {
			c.session.End(receiver, nil)
		}
	}
	c.send(c.session.Handling() == 0, true)
}

// refusal is the answer that a handler's error makes.
func (c *Core) refusal(call *Handling, err error) *wire.Fault {
	if stopped := call.handled.Stopped; stopped != nil {
		return session.AsFault(stopped)
	}
	if fault := faultOf(err); fault != nil {
		return fault
	}
	reference := call.handled.Reference(c.place.Label)
	say("%s failed (reference %s): %v", call.Command, reference, err)
	return &wire.Fault{
		Code: wire.Failed, Message: "the command failed; the log of its worker has the reason as " + reference,
		Data: map[string]any{"reference": reference},
	}
}
