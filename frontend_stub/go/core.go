package stockade

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/link"
	"github.com/stockade-runtime/frontend-go/internal/session"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

const (
	// defaultQueue is how many events wait for their handlers.
	defaultQueue = 1024
	// leaveWithin is how long to wait for the core's answer to bye: it has a second for what was still to do.
	leaveWithin = 2 * time.Second
	// lastWords is how long the core's last message, which says why, may come behind the news that its connection is
	// closed: these come on two sockets.
	lastWords = 300 * time.Millisecond
)

// Args are the arguments of a call, by name.
type Args = map[string]any

// Limits is what the core takes. A Deadline (milliseconds that a call has unless it says otherwise) or a Rate (calls
// per second) of 0 is none.
type Limits struct {
	Message, Event          int64 // bytes of a message, and of an emit's frame
	Batch, Calls, Topics    int64 // messages in one frame, calls in flight, subscriptions
	Depth, Channels, Frames int64 // containers within each other, open channels, raw frames of a message
	Deadline                int64
	Rate                    float64
}

// Rules are patterns over whole segments: what matches an Allow and no Deny is allowed.
type Rules struct{ Allow, Deny []string }

// Grants is what this worker may call, listen to and emit.
type Grants struct{ Commands, Listen, Emit Rules }

// Core is a worker's connection to the core.
type Core struct {
	place *link.Place

	mu      sync.Mutex // of all below, and of the sockets
	session *session.Session
	link    *link.Link
	// leader: a caller waits in poll(2) itself, and takes in for all; vacated wakes the reader when it does so no more.
	leader  bool
	vacated chan struct{}
	polling int
	// reading: the reader takes in what has come.
	reading bool
	// attends: the reader does so, or will before linger is over.
	attends bool
	// gathering: somebody is about to send what is put meanwhile; until then, at the latest.
	gathering   bool
	gatherUntil time.Time
	alarm       *time.Timer
	alarmAt     time.Time
	takesEmits  bool // the core has subscribed
	hasRoom     bool // there may be room for an emit
	canEmit     session.Signal
	isLosing    bool
	listeners   map[string]*topic
	over        error
	context     context.Context
	end         context.CancelCauseFunc
	stopping    chan struct{}
}

// ConnectOption changes how [Connect] connects.
type ConnectOption func(*settings)

type settings struct {
	queue int
	stop  func()
}

// Queue bounds the events that wait for their handlers; those that come when it is full count as missed.
func Queue(events int) ConnectOption { return func(s *settings) { s.queue = events } }

// OnLifelineEnd is called instead of os.Exit(0) when the supervisor wants this process to end at once, or has gone. It
// should end the process.
func OnLifelineEnd(stop func()) ConnectOption { return func(s *settings) { s.stop = stop } }

// hasConnected: this process has taken its place.
var hasConnected atomic.Bool

// Connect takes this process's place as a worker, and waits until the core has said welcome. A process connects once.
// Its error is an [*Ended], or the context's.
func Connect(ctx context.Context, options ...ConnectOption) (*Core, error) {
	chosen := settings{queue: defaultQueue, stop: func() { os.Exit(0) }}
	for _, option := range options {
		option(&chosen)
	}
	if hasConnected.Swap(true) {
		return nil, errors.New("stockade: this process has connected before; a worker has one link, made for one connection")
	}
	place, err := link.TakePlace()
	if err != nil {
		return nil, told(err)
	}
	go func() {
		place.AwaitEnd()
		chosen.stop()
	}()
	sockets, err := link.Bind(place)
	if err != nil {
		return nil, told(err)
	}
	core := newCore(place, sockets, chosen.queue)
	return core, core.greet(ctx)
}

func newCore(place *link.Place, sockets *link.Link, queue int) *Core {
	c := &Core{
		place: place, link: sockets, vacated: make(chan struct{}, 1), listeners: map[string]*topic{},
		session:  session.New(place.Label, place.Generation, "go/"+Version, queue),
		stopping: make(chan struct{}),
	}
	c.context, c.end = context.WithCancelCause(context.Background())
	c.alarm = time.AfterFunc(time.Hour, c.wake)
	return c
}

// greet says hello, and waits for welcome and for the core's subscription, from which on no emit is lost.
func (c *Core) greet(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	greeted := c.session.Hello()
	c.session.Stopped.Kick = func() { close(c.stopping); c.session.Stopped.Kick = nil }
	c.settle()
	go c.read()
	go c.dispatch()
	err := c.await(ctx, &greeted.Signal, func() bool { return greeted.Done }, false)
	if err == nil && greeted.Err == nil {
		err = c.await(ctx, &c.canEmit, func() bool { return c.takesEmits || c.over != nil }, false)
	}
	switch {
	case c.over != nil:
		return c.over
	case err != nil:
		c.finish(ErrClosed)
	}
	return err
}

func told(err error) error {
	var ended *Ended
	if err = public(err); errors.As(err, &ended) && ended.Status != 0 {
		say("%s", ended.Reason)
	}
	return err
}

// Worker is this worker's label.
func (c *Core) Worker() string { return c.place.Label }

// Generation is which start of this worker it is.
func (c *Core) Generation() int64 { return c.place.Generation }

// Limits is what the core takes.
func (c *Core) Limits() Limits {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Limits(c.session.Limits)
}

// Grants is what this worker may call, listen to and emit.
func (c *Core) Grants() Grants {
	c.mu.Lock()
	defer c.mu.Unlock()
	grants := c.session.Grants
	return Grants{rules(grants.Commands), rules(grants.Listen), rules(grants.Emit)}
}

func rules(grant *wire.Grant) Rules { return Rules{grant.Allow, grant.Deny} }

// Stopping is closed when the core asks this worker to finish, and when the conversation is over.
func (c *Core) Stopping() <-chan struct{} { return c.stopping }

// Missed counts the events meant for this worker that no handler will see.
func (c *Core) Missed() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Inbox.Missed()
}

// Ready says that this worker has set up what it needs, and answers what it exports. Saying so again does nothing.
func (c *Core) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return c.over
	}
	c.session.Ready()
	c.settle()
	return c.over
}

// Run says ready, if that has not been said, and waits until the core asks this worker to finish: then it is nil. Else
// it is what has ended the conversation, or the context's error. Handlers run in any case, also when nobody is in Run.
func (c *Core) Run(ctx context.Context) error {
	if err := c.Ready(); err != nil {
		return err
	}
	select {
	case <-c.stopping:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// Close takes leave: what was emitted is handled, what is in flight is answered, then the sockets close. Handlers that
// run have their contexts cancelled. Its error is what has ended the conversation before.
func (c *Core) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case errors.Is(c.over, ErrClosed):
		return nil
	case c.over != nil:
		return c.over
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	left := c.session.Bye()
	c.settle()
	if err := c.await(ctx, &left.Signal, func() bool { return left.Done }, false); err != nil {
		say("the core has not answered bye within %v", leaveWithin)
	} else if handled := c.session.EmitsHandled; c.over == nil && handled != c.session.Emitted {
		say("the core has handled %d of %d emits", handled, c.session.Emitted)
	}
	if c.over != nil && !errors.Is(c.over, ErrClosed) {
		return c.over
	}
	c.finish(ErrClosed)
	return nil
}

// finish: the conversation is over, for this reason.
func (c *Core) finish(why error) {
	if c.over != nil {
		return
	}
	c.over = told(why)
	c.alarm.Stop()
	c.session.Finish(why)
	c.canEmit.Fire()
	c.end(c.over)
	c.link.Kick() // and nobody takes this one back: all who poll leave
	c.closeLink()
}

// closeLink closes the sockets, unless somebody still polls them: the last one does it then.
func (c *Core) closeLink() {
	if c.over != nil && c.polling == 0 && c.link != nil {
		if err := c.link.Close(); err != nil {
			say("closing the sockets: %v", err)
		}
		c.link = nil
	}
}
