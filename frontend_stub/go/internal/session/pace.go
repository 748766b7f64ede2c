package session

import "time"

// pace is how often this worker may call: so many calls a second, and after a pause those of one second at once. The
// core counts in the same way.
type pace struct {
	rate, burst, tokens float64
	at                  time.Time
}

func newPace(rate float64) *pace {
	burst := max(1, rate)
	return &pace{rate: rate, burst: burst, tokens: burst}
}

// take takes one call: 0 if it may be made now, else how long until one may be, and nothing is taken.
func (p *pace) take(now time.Time) time.Duration {
	if !p.at.IsZero() {
		p.tokens = min(p.burst, p.tokens+now.Sub(p.at).Seconds()*p.rate)
	}
	p.at = now
	if p.tokens < 1 {
		return time.Duration((1-p.tokens)/p.rate*float64(time.Second)) + 1
	}
	p.tokens--
	return 0
}
