package wire

// Fault is an error as it travels: a call's answer that is no result, or what ended a channel.
type Fault struct {
	// Code is one of the protocol's, or an application's own, which contains a dot.
	Code string
	// Message is for people.
	Message string
	// Data is for programs: any value, or nil.
	Data any
}

func (f *Fault) Error() string {
	if f.Message == "" {
		return f.Code
	}
	return f.Code + ": " + f.Message
}

// The codes of the protocol that this side says by itself.
const (
	NotAllowed       = "not_allowed"
	NotFound         = "not_found"
	InvalidArgs      = "invalid_args"
	Failed           = "failed"
	Cancelled        = "cancelled"
	DeadlineExceeded = "deadline_exceeded"
	Busy             = "busy"
	Unavailable      = "unavailable"
	TooLarge         = "too_large"
	BadMessage       = "bad_message"
)
