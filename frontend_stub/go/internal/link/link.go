package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	zmq "github.com/pebbe/zmq4"
	"golang.org/x/sys/unix"

	"github.com/stockade-runtime/frontend-go/internal/session"
)

// What waits in libzmq for a core that does not read: batches, and emits. Times the limit of a message this is what a
// stopped core can make this process hold.
const (
	commandsQueue = 64
	emitsQueue    = 256
)

// Link is the three sockets, bound. libzmq allows one thread at a time in a socket: whoever has a Link sees to it that
// nobody else is in it meanwhile, but for Poll and Kick.
type Link struct {
	context                 *zmq.Context
	commands, events, emits *zmq.Socket
	polled                  [4]unix.PollFd
	kick                    int
}

// Ready is which sockets something has happened to.
type Ready struct{ Commands, Events, Emits, Kicked bool }

// Bind makes the sockets. Its error is an *session.Ended.
func Bind(place *Place) (*Link, error) {
	link, err := bind(place)
	if err != nil {
		return nil, &session.Ended{Status: session.StatusByHand, Reason: fmt.Sprintf(
			"the sockets of this worker cannot be bound in %s: %v", place.sockets, err)}
	}
	return link, nil
}

func bind(place *Place) (*Link, error) {
	context, err := zmq.NewContext()
	if err != nil {
		return nil, err
	}
	context.SetRetryAfterEINTR(true) // Go's runtime sends its threads signals
	kick, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	link := &Link{context: context, kick: kick}
	link.polled[3] = unix.PollFd{Fd: int32(kick), Events: unix.POLLIN}
	for index, each := range []struct {
		socket **zmq.Socket
		kind   zmq.Type
		name   string
	}{{&link.commands, zmq.DEALER, "commands"}, {&link.events, zmq.SUB, "events"}, {&link.emits, zmq.XPUB, "emits"}} {
		if *each.socket, err = place.bind(context, each.kind, each.name); err != nil {
			return nil, err
		}
		descriptor, err := (*each.socket).GetFd()
		if err != nil {
			return nil, err
		}
		link.polled[index] = unix.PollFd{Fd: int32(descriptor), Events: unix.POLLIN}
	}
	return link, nil
}

func (p *Place) bind(context *zmq.Context, kind zmq.Type, name string) (*zmq.Socket, error) {
	socket, err := context.NewSocket(kind)
	if err != nil {
		return nil, err
	}
	options := []error{
		socket.SetPlainUsername(fmt.Sprintf("%s@%d", p.Label, p.Generation)),
		socket.SetPlainPassword(p.secret),
		socket.SetLinger(0),
	}
	switch kind {
	case zmq.DEALER:
		options = append(options, socket.SetSndhwm(commandsQueue))
	case zmq.XPUB:
		options = append(options, socket.SetSndhwm(emitsQueue), socket.SetXpubNodrop(true))
	}
	return socket, errors.Join(errors.Join(options...), socket.Bind(p.sockets+"/"+name))
}

// -- waiting -----------------------------------------------------------------------------------------------------------

// Poll waits until something has happened to a socket, or it is kicked. Any number of goroutines may be in it.
//
// The descriptors tell of edges: of what has happened since somebody last looked at the socket's events, which every
// method here does behind whatever else it does. So what is there is taken before anybody waits.
//
// This is poll(2) in the goroutine's own thread. With the descriptors in Go's network poller, one round trip took twice
// as long (111 µs where this took 56 and a blocking receive 54): the thread that sleeps there is seldom the one whose
// goroutine is woken.
//
// It waits so long at most; less than nothing is for ever.
func (l *Link) Poll(most time.Duration) (Ready, error) {
	polled := l.polled
	var timeout *unix.Timespec
	if most >= 0 {
		limit := unix.NsecToTimespec(int64(most))
		timeout = &limit
	}
	for {
		if _, err := unix.Ppoll(polled[:], timeout, nil); err == nil {
			break
		} else if !errors.Is(err, unix.EINTR) {
			return Ready{}, err
		}
	}
	return Ready{polled[0].Revents != 0, polled[1].Revents != 0, polled[2].Revents != 0, polled[3].Revents != 0}, nil
}

// Kick ends a Poll, the present ones or the next. It may be called at any time, also behind Close.
func (l *Link) Kick() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(l.kick, one[:]) // the one error, that it has been kicked 2^64-2 times, means that it is kicked
}

// Kicked takes the kicks back.
func (l *Link) Kicked() {
	var count [8]byte
	_, _ = unix.Read(l.kick, count[:]) // the one error is that nobody has kicked
}

// -- the commands socket -----------------------------------------------------------------------------------------------

// Send sends one batch; false if there is no room for it.
func (l *Link) Send(batch *session.Batch) (bool, error) {
	flag := zmq.DONTWAIT
	if len(batch.Raw) > 0 {
		flag |= zmq.SNDMORE
	}
	if _, err := l.commands.SendBytes(batch.Frame, flag); err != nil {
		return false, unlessFull(err)
	}
	for index, frame := range batch.Raw { // where there is room for the first, there is for the rest
		flag := zmq.DONTWAIT
		if index < len(batch.Raw)-1 {
			flag |= zmq.SNDMORE
		}
		if _, err := l.commands.SendBytes(frame, flag); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Look says whether a message is there to be received, and whether there is room for one. Asking makes libzmq take notice
// of what its own thread has done, of which the descriptor then tells no more: so both answers count.
func (l *Link) Look() (canReceive, canSend bool, err error) {
	events, err := l.commands.GetEvents()
	return events&zmq.POLLIN != 0, events&zmq.POLLOUT != 0, err
}

// Receive takes one message, which must be there: its first frame, and those behind it.
func (l *Link) Receive() (frame []byte, raw [][]byte, err error) {
	if frame, err = l.commands.RecvBytes(zmq.DONTWAIT); err != nil {
		return nil, nil, err
	}
	for {
		more, err := l.commands.GetRcvmore()
		if err != nil || !more {
			return frame, raw, err
		}
		next, err := l.commands.RecvBytes(zmq.DONTWAIT)
		if err != nil {
			return nil, nil, err
		}
		raw = append(raw, next)
	}
}

// receive takes one frame, or nil if there is none.
func receive(socket *zmq.Socket) ([]byte, error) {
	events, err := socket.GetEvents()
	if err != nil || events&zmq.POLLIN == 0 {
		return nil, err
	}
	frame, err := socket.RecvBytes(zmq.DONTWAIT)
	return frame, unlessFull(err)
}

func unlessFull(err error) error {
	if err != nil && zmq.AsErrno(err) == zmq.Errno(syscall.EAGAIN) {
		return nil
	}
	return err
}

// -- events and emits --------------------------------------------------------------------------------------------------

// ReceiveEvent takes one frame of the events socket, or nil.
func (l *Link) ReceiveEvent() ([]byte, error) { return receive(l.events) }

// Subscribe listens to a topic.
func (l *Link) Subscribe(topic string) error { return l.events.SetSubscribe(topic) }

// Unsubscribe listens to it no more.
func (l *Link) Unsubscribe(topic string) error { return l.events.SetUnsubscribe(topic) }

// ReceiveEmits takes one frame of the emits socket, or nil.
func (l *Link) ReceiveEmits() ([]byte, error) { return receive(l.emits) }

// Emit sends one frame; false if there is no room for it.
func (l *Link) Emit(frame []byte) (bool, error) {
	if _, err := l.emits.SendBytes(frame, zmq.DONTWAIT); err != nil {
		return false, unlessFull(err)
	}
	return true, nil
}

// Close closes the sockets. What has not been sent by now is lost. Nobody may be in Poll. The descriptor of Kick stays:
// somebody may still be about to call it.
func (l *Link) Close() error {
	return errors.Join(l.commands.Close(), l.events.Close(), l.emits.Close(), l.context.Term())
}
