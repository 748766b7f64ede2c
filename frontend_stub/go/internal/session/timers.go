package session

import (
	"container/heap"
	"time"
)

// timer is something to be done at a time. It can be stopped, and then costs nothing more.
type timer struct {
	at    time.Time
	do    func(now time.Time)
	place int
}

type timers []*timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i, j
}

func (t *timers) Push(added any) {
	added.(*timer).place = len(*t)
	*t = append(*t, added.(*timer))
}

func (t *timers) Pop() any {
	last := len(*t) - 1
	taken := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	taken.place = -1
	return taken
}

func (t *timers) add(at time.Time, do func(now time.Time)) *timer {
	added := &timer{at: at, do: do}
	heap.Push(t, added)
	return added
}

// stop takes a timer away, if there is one that has not been due.
func (t *timers) stop(stopped *timer) {
	if stopped != nil && stopped.place >= 0 {
		heap.Remove(t, stopped.place)
	}
}

func (t *timers) wake(now time.Time) {
	for len(*t) > 0 && !(*t)[0].at.After(now) {
		heap.Pop(t).(*timer).do(now)
	}
}
