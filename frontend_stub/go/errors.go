package stockade

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/stockade-runtime/frontend-go/internal/session"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// CommandError is a call's answer when it is no result, or this stub's own refusal of what the core would refuse.
type CommandError struct {
	// Code is one of the protocol's, or an application's own, which contains a dot ("notes.locked").
	Code string
	// Message is for people.
	Message string
	// Data is for programs: any value, or nil.
	Data any
}

func (e *CommandError) Error() string { return (*wire.Fault)(e).Error() }

// Is says whether target is this error's [Code], or what of package context means the same.
func (e *CommandError) Is(target error) bool {
	if code, isCode := target.(Code); isCode {
		return e.Code == string(code)
	}
	return target == context.Canceled && e.Code == wire.Cancelled ||
		target == context.DeadlineExceeded && e.Code == wire.DeadlineExceeded
}

// Code is a kind of [CommandError], to be tested for: errors.Is(err, stockade.Busy).
type Code string

func (c Code) Error() string { return string(c) }

// The codes of the protocol.
const (
	// NotAllowed: policy refuses it, or it does not exist and this worker may not know.
	NotAllowed Code = "not_allowed"
	// NotFound: this worker may have it, but there is none.
	NotFound Code = "not_found"
	// InvalidArgs: the arguments do not fit the command; Data["path"] says where.
	InvalidArgs Code = "invalid_args"
	// Failed: the command raised; Data["reference"] finds the reason in the core's log.
	Failed Code = "failed"
	// Cancelled: the call, or what it is part of, was cancelled.
	Cancelled Code = "cancelled"
	// DeadlineExceeded: no answer came within the time given; it may have run all the same.
	DeadlineExceeded Code = "deadline_exceeded"
	// Busy: too many at once. It never ran; calls try again by themselves, but with [NoWait].
	Busy Code = "busy"
	// Unavailable: nobody can answer now.
	Unavailable Code = "unavailable"
	// TooLarge: a message over the core's limit; what is larger goes through a channel.
	TooLarge Code = "too_large"
	// BadMessage: the call's message is malformed.
	BadMessage Code = "bad_message"
	// Internal: a bug of the core.
	Internal Code = "internal"
)

// Ended is why the conversation is over, and the exit status of a process that ends with it: 1 if the core has gone,
// refuses this worker or says that it broke the protocol, 2 if no supervisor started the process, 70 if the core broke
// the protocol. It has been said on standard error.
type Ended struct {
	Status int
	Reason string
}

func (e *Ended) Error() string { return e.Reason }

// ErrClosed is what using a [Core] is that has been closed.
var ErrClosed = errors.New("stockade: this connection has been closed")

// ErrChannelEnded is what sending on a channel is that this side has ended.
var ErrChannelEnded = errors.New("stockade: this channel has been ended")

// public is an error as users of this package know it.
func public(err error) error {
	if err == nil {
		return nil
	}
	var fault *wire.Fault
	var ended *session.Ended
	switch {
	case errors.As(err, &fault):
		return (*CommandError)(fault)
	case errors.As(err, &ended):
		return (*Ended)(ended)
	case errors.Is(err, session.ErrLeft):
		return ErrClosed
	case errors.Is(err, session.ErrEnded):
		return ErrChannelEnded
	}
	return err
}

// faultOf is an error of this package's users as it may travel, if it may.
func faultOf(err error) *wire.Fault {
	var refusal *CommandError
	if errors.As(err, &refusal) {
		return (*wire.Fault)(refusal)
	}
	return nil
}

// contextFault is why a context that is done ends a call.
func contextFault(ctx context.Context, what string) *wire.Fault {
	cause := context.Cause(ctx)
	var fault *wire.Fault
	switch {
	case errors.As(cause, &fault):
		return fault
	case errors.Is(cause, context.DeadlineExceeded):
		return &wire.Fault{Code: wire.DeadlineExceeded, Message: what + ": no answer in its time"}
	}
	return &wire.Fault{Code: wire.Cancelled, Message: fmt.Sprintf("%s: whoever waited for it does so no more (%v)", what, cause)}
}

func say(format string, details ...any) {
	fmt.Fprintf(os.Stderr, "stockade: "+format+"\n", details...)
}
