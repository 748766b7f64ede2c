package stockade

import (
	"context"
	"errors"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/session"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// Option changes how a call is made.
type Option func(*asked)

type asked struct {
	session.Asking
	timeout time.Duration
}

// Timeout is how long the call may take from now on; a deadline of its context that is sooner holds all the same.
// Without either the core's own deadline applies ([Limits]).
func Timeout(after time.Duration) Option { return func(a *asked) { a.timeout = max(after, 1) } }

// Forever: the call may take as long as it needs, or as its context has a deadline.
func Forever() Option { return func(a *asked) { a.Unlimited = true } }

// NoWait: a core that is busy is an error at once; else the call is tried again until its time is over.
func NoWait() Option { return func(a *asked) { a.NoWait = true } }

// Idempotent: the call may be run again if the replica that runs it dies.
func Idempotent() Option { return func(a *asked) { a.Idempotent = true } }

// Trace begins a trace (a W3C traceparent); without it the one of the context goes on.
func Trace(traceparent string) Option { return func(a *asked) { a.Trace = traceparent } }

// Invoke runs a command and waits for its result. Arguments may be nil; among them may be channels that belong to no
// call yet. Its error is a [*CommandError], an [*Ended], or says that the arguments cannot be sent. When the context is
// done the call is cancelled. A call made with the context of a handler is part of the call that is handled.
func (c *Core) Invoke(ctx context.Context, command string, arguments Args, options ...Option) (any, error) {
	c.mu.Lock()
	call, err := c.ask(ctx, command, arguments, options, true)
	if err != nil {
		c.mu.Unlock()
		return nil, err
	}
	if c.mayStandAside(ctx, call) {
		answered := call.Wait()
		c.mu.Unlock()
		<-answered
		if call.Err == nil {
			return call.Value, nil
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	return c.result(ctx, call)
}

// mayStandAside: nothing but its answer can end this call, which somebody else takes in. Its caller then needs no mutex
// to read it: with 256 in flight each caller that took the mutex once more stood in the way of the next.
func (c *Core) mayStandAside(ctx context.Context, call *session.Call) bool {
	return !call.Done && c.endOf(ctx) == nil && (c.leader || c.session.InFlight() > 1)
}

// Call is a call that has begun.
type Call struct {
	core *Core
	call *session.Call
	stop func() bool
}

// Call begins a call, as [Core.Invoke] makes it. Its context holds for the call as a whole.
func (c *Core) Call(ctx context.Context, command string, arguments Args, options ...Option) (*Call, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, err := c.ask(ctx, command, arguments, options, false)
	if err != nil {
		return nil, err
	}
	call := &Call{core: c, call: asked, stop: func() bool { return true }}
	if c.endOf(ctx) != nil {
		call.stop = context.AfterFunc(ctx, func() { call.end(contextFault(ctx, command)) })
	}
	return call, nil
}

// Result waits for the answer. When this context is done, the call goes on: see [Call.Cancel].
func (call *Call) Result(ctx context.Context) (any, error) {
	c := call.core
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gathering {
		c.gathered()
	}
	err := c.await(ctx, &call.call.Signal, func() bool { return call.call.Done }, c.session.InFlight() == 1)
	if err != nil {
		return nil, (*CommandError)(contextFault(ctx, call.call.Command))
	}
	call.stop()
	return call.call.Value, c.known(call.call.Err)
}

// Cancel says that nobody wants the result any more: the core stops the command, if it still runs. Doing so again does
// nothing.
func (call *Call) Cancel() {
	call.end(&wire.Fault{Code: wire.Cancelled, Message: call.call.Command + ": cancelled"})
}

func (call *Call) end(why *wire.Fault) {
	call.core.mu.Lock()
	defer call.core.mu.Unlock()
	call.core.session.Cancel(call.call, why)
	call.core.settle()
}

// ask puts a call on its way.
func (c *Core) ask(ctx context.Context, command string, arguments Args, options []Option, mayYield bool) (*session.Call, error) {
	if c.over != nil {
		return nil, c.over
	}
	if ctx.Err() != nil {
		return nil, (*CommandError)(contextFault(ctx, command))
	}
	call := &session.Call{Command: command, Arguments: arguments}
	now := time.Now()
	if err := c.prepare(ctx, call, options, now); err != nil {
		return nil, err
	}
	if err := c.session.Call(call, now); err != nil {
		return nil, c.known(err)
	}
	c.send(c.session.InFlight() == 1, mayYield)
	return call, nil
}

func (c *Core) prepare(ctx context.Context, call *session.Call, options []Option, now time.Time) error {
	asking := &call.Asking
	if len(options) > 0 {
		*asking = askedWith(options, now)
	}
	if deadline, given := ctx.Deadline(); given && (asking.Deadline.IsZero() || deadline.Before(asking.Deadline)) {
		asking.Deadline = deadline
	}
	if serving, _ := ctx.Value(servingKey{}).(*serving); serving != nil {
		if asking.Trace == "" {
			asking.Trace = serving.trace
		}
		if asking.Parent = serving.handled; asking.Parent != nil {
			asking.Parent.HasNested = true
		}
	}
	return takeChannels(call)
}

func askedWith(options []Option, now time.Time) session.Asking {
	asking := asked{}
	for _, option := range options {
		option(&asking)
	}
	if asking.timeout > 0 {
		asking.Deadline = now.Add(asking.timeout)
	}
	return asking.Asking
}

// takeChannels takes the channels out of the arguments.
func takeChannels(call *session.Call) error {
	for name, value := range call.Arguments {
		passed, isChannel := value.(channel)
		if !isChannel {
			continue
		}
		if call.Asking.Ends == nil {
			call.Asking.Ends = map[string]session.End{}
			arguments := make(Args, len(call.Arguments))
			for name, value := range call.Arguments {
				if _, isChannel := value.(channel); !isChannel {
					arguments[name] = value
				}
			}
			defer func() { call.Arguments = arguments }()
		}
		end := passed.sessionEnd()
		if session.IsBound(end) {
			return errors.New("stockade: a channel belongs to one call: make another")
		}
		for _, other := range call.Asking.Ends {
			if other == end {
				return errors.New("stockade: a channel is one argument: make another")
			}
		}
		call.Asking.Ends[name] = end
	}
	return nil
}

// result waits for the answer, and cancels the call if the context is done.
func (c *Core) result(ctx context.Context, call *session.Call) (any, error) {
	err := c.await(ctx, &call.Signal, func() bool { return call.Done }, c.session.InFlight() == 1)
	if err != nil {
		c.session.Cancel(call, contextFault(ctx, call.Command))
		c.settle()
	}
	return call.Value, c.known(call.Err)
}

// known is an error of the session as users know it: what has ended the conversation, if that is why.
func (c *Core) known(err error) error {
	if err != nil && c.over != nil && faultOf(public(err)) == nil {
		return c.over
	}
	return public(err)
}

// As makes something typed of a value that has come, as a result is: a number of the type wanted if it fits, a slice, a
// map, or a struct from a map. It passes an error on, so that it may stand around a call:
//
//	text, err := stockade.As[string](core.Invoke(ctx, "notes.read", stockade.Args{"name": "todo"}))
func As[Type any](value any, err error) (Type, error) {
	var typed Type
	if err != nil {
		return typed, err
	}
	if same, fits := value.(Type); fits {
		return same, nil
	}
	return typed, wire.Convert(value, &typed)
}
