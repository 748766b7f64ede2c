package session

// Signal is something that goroutines wait for, and that happens any number of times.
type Signal struct {
	// Kick, where it is set, is called too when it happens: for a waiter that is not in a select.
	Kick    func()
	channel chan struct{}
}

// Wait is a channel that is closed when it happens next.
func (s *Signal) Wait() <-chan struct{} {
	if s.channel == nil {
		s.channel = make(chan struct{})
	}
	return s.channel
}

// Fire says that it happens.
func (s *Signal) Fire() {
	if s.channel != nil {
		close(s.channel)
		s.channel = nil
	}
	if s.Kick != nil {
		s.Kick()
	}
}

// Pending is something that was asked for, and has one answer.
type Pending struct {
	Signal
	Done  bool
	Value any
	Err   error
}

func (p *Pending) answer(value any, err error) {
	if !p.Done {
		p.Done, p.Value, p.Err = true, value, err
		p.Fire()
	}
}
