package session

import "fmt"

// Ended is why the conversation is over, and the exit status of a process that ends with it.
type Ended struct {
	Status int
	Reason string
}

func (e *Ended) Error() string { return e.Reason }

// The statuses: the core has gone, refuses the worker or calls it a breach; no supervisor started the process; the core
// broke the protocol.
const (
	StatusGone   = 1
	StatusByHand = 2
	StatusBroken = 70
)

func broken(format string, details ...any) error {
	return &Ended{StatusBroken, "the core broke the protocol: " + fmt.Sprintf(format, details...)}
}

func gone(format string, details ...any) error {
	return &Ended{StatusGone, fmt.Sprintf(format, details...)}
}
