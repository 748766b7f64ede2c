package session

import (
	"errors"
	"fmt"

	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// ErrDropped ends a channel of which its receiver wants nothing more.
var ErrDropped = &wire.Fault{Code: wire.Cancelled, Message: "its receiver wants nothing more of this channel"}

// ErrEnded is what sending on a channel that this side has ended is.
var ErrEnded = errors.New("this channel has been ended, so nothing more can be sent on it")

// ErrLeft is what asking is when the leave has been taken.
var ErrLeft = errors.New("this worker has taken its leave (nothing was sent)")

func faultOf(code, format string, details ...any) *wire.Fault {
	return &wire.Fault{Code: code, Message: fmt.Sprintf(format, details...)}
}

func tooLarge(format string, details ...any) error { return faultOf(wire.TooLarge, format, details...) }

// asError is a fault as an error: nil for none, which a nil pointer in an error would not be.
func asError(fault *wire.Fault) error {
	if fault == nil {
		return nil
	}
	return fault
}

// AsFault is an error as it may travel.
func AsFault(err error) *wire.Fault {
	var fault *wire.Fault
	if errors.As(err, &fault) {
		return fault
	}
	return &wire.Fault{Code: wire.Failed, Message: "its sender could not send everything"}
}
