package session

import "github.com/stockade-runtime/frontend-go/internal/wire"

// Inbox has events that have come and wait for their handlers, up to a bound, and counts those that were missed.
type Inbox struct {
	// Arrived happens when there is an event.
	Arrived   Signal
	bound     int
	waiting   []wire.Event
	last      int64
	missed    int64 // numbers that never came, and events for which there was no room
	droppedTo int64
}

func (i *Inbox) put(event wire.Event) error {
	if event.Seq <= i.last {
		return broken("event number %d after number %d", event.Seq, i.last)
	}
	i.missed += event.Seq - i.last - 1
	i.last = event.Seq
	if len(i.waiting) >= i.bound {
		i.missed++
		return nil
	}
	i.waiting = append(i.waiting, event)
	i.Arrived.Fire()
	return nil
}

// Take is the oldest event that waits, if there is one.
func (i *Inbox) Take() (wire.Event, bool) {
	if len(i.waiting) == 0 {
		return wire.Event{}, false
	}
	event := i.waiting[0]
	i.waiting[0] = wire.Event{}
	i.waiting = i.waiting[1:]
	return event, true
}

// Missed counts the events meant for this worker that no handler will see. What is still on its way when the core tells
// of later drops is counted too, until it arrives.
func (i *Inbox) Missed() int64 { return i.missed + max(0, i.droppedTo-i.last) }
