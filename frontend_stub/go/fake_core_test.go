package stockade

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	zmq "github.com/pebbe/zmq4"

	"github.com/stockade-runtime/frontend-go/internal/link"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

const (
	testSecret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	generous   = 20 * time.Second
)

// fakeCore is a core as far as a test scripts it: real sockets, connected to those of a worker.
type fakeCore struct {
	t                       *testing.T
	commands, events, emits *zmq.Socket
	heard                   chan []any // what the worker said that nothing here has answered
	answers                 map[string]func(id int64, arguments map[string]any) []any
	outgoing, published     chan []byte
	topics                  chan string
	closed                  chan struct{}
	done                    sync.WaitGroup
}

var startAuthentication = sync.OnceValue(func() error {
	if err := zmq.AuthStart(); err != nil {
		return err
	}
	zmq.AuthPlainAdd("*", "editor@1", testSecret)
	return nil
})

func welcome() []any {
	all := map[string]any{"allow": []any{"**"}, "deny": []any{"secret.**"}}
	events := map[string]any{"allow": []any{"**"}, "deny": []any{"secret/**"}}
	return []any{"welcome", map[string]any{
		"protocol": 1, "worker": "editor", "generation": 1, "core": "test",
		"limits": map[string]any{
			"message": 1 << 20, "event": 1 << 16, "batch": 64, "calls": 32, "topics": 8, "depth": 32, "channels": 8, "frames": 63,
		},
		"grants": map[string]any{"commands": all, "listen": events, "emit": events},
	}}
}

// connect connects a fake core and a worker of this process.
func connect(t *testing.T, greeting []any) (*fakeCore, *Core, error) {
	t.Helper()
	if err := startAuthentication(); err != nil {
		t.Fatal(err)
	}
	place := "ipc://" + t.TempDir()
	sockets, err := link.Bind(link.At("editor", 1, place, testSecret, nil))
	if err != nil {
		t.Fatal(err)
	}
	fake := newFakeCore(t, place)
	fake.answers["hello"] = func(int64, map[string]any) []any { return greeting }
	core := newCore(link.At("editor", 1, place, testSecret, nil), sockets, 100)
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	defer cancel()
	err = core.greet(ctx)
	t.Cleanup(func() {
		core.mu.Lock()
		core.finish(ErrClosed)
		core.mu.Unlock()
	})
	return fake, core, err
}

func connected(t *testing.T) (*fakeCore, *Core) {
	t.Helper()
	fake, core, err := connect(t, welcome())
	if err != nil {
		t.Fatal(err)
	}
	return fake, core
}

func newFakeCore(t *testing.T, place string) *fakeCore {
	t.Helper()
	fake := &fakeCore{
		t: t, heard: make(chan []any, 10000), outgoing: make(chan []byte, 1000), published: make(chan []byte, 100), topics: make(chan string, 10),
		closed: make(chan struct{}), answers: map[string]func(int64, map[string]any) []any{},
	}
	for _, each := range []struct {
		socket **zmq.Socket
		kind   zmq.Type
		name   string
	}{{&fake.commands, zmq.DEALER, "commands"}, {&fake.events, zmq.XPUB, "events"}, {&fake.emits, zmq.SUB, "emits"}} {
		socket, err := zmq.NewSocket(each.kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(socket.SetPlainServer(1), socket.SetZapDomain("test"), socket.SetLinger(0)); err != nil {
			t.Fatal(err)
		}
		if each.kind == zmq.SUB {
			if err := socket.SetSubscribe(""); err != nil {
				t.Fatal(err)
			}
		}
		if err := socket.Connect(place + "/" + each.name); err != nil {
			t.Fatal(err)
		}
		*each.socket = socket
	}
	fake.done.Add(1)
	go fake.run()
	t.Cleanup(fake.close)
	return fake
}

// close is the end of this core, as the worker sees it: its connections close.
func (f *fakeCore) close() {
	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
	f.done.Wait()
}

func (f *fakeCore) run() {
	defer f.done.Done()
	poller := zmq.NewPoller()
	for _, socket := range []*zmq.Socket{f.commands, f.events, f.emits} {
		poller.Add(socket, zmq.POLLIN)
		defer socket.Close()
	}
	for {
		select {
		case <-f.closed:
			return
		case frame := <-f.outgoing:
			if _, err := f.commands.SendBytes(frame, 0); err != nil {
				f.t.Error(err)
			}
			continue
		case frame := <-f.published:
			if _, err := f.events.SendBytes(frame, 0); err != nil {
				f.t.Error(err)
			}
			continue
		default:
		}
		ready, _ := poller.Poll(2 * time.Millisecond)
		for _, each := range ready {
			f.take(each.Socket)
		}
	}
}

func (f *fakeCore) take(socket *zmq.Socket) {
	frames, err := socket.RecvMessageBytes(zmq.DONTWAIT)
	if err != nil {
		return
	}
	switch socket {
	case f.events:
		if topic := string(frames[0][1:]); frames[0][0] == 1 { // else it has unsubscribed, which has no answer
			f.send("listening", topic)
			f.topics <- topic
		}
	case f.emits:
		f.heard <- []any{"emitted", string(frames[0])}
	case f.commands:
		batch, err := wire.ReadBatch(frames[0])
		if err != nil {
			f.t.Error(err)
		}
		for _, message := range batch {
			f.answer(message.([]any))
		}
	}
}

func (f *fakeCore) answer(message []any) {
	name, id, arguments := message[0].(string), int64(0), map[string]any(nil)
	if name == "call" {
		id, name, arguments = message[1].(int64), message[2].(string), message[3].(map[string]any)
	}
	if answer := f.answers[name]; answer != nil {
		if said := answer(id, arguments); said != nil {
			f.send(said...)
		}
		return
	}
	if name == "bye" {
		f.send("bye", map[string]any{"emitted": message[1].(map[string]any)["emitted"]})
	}
	f.heard <- message
}

func (f *fakeCore) send(message ...any) {
	f.outgoing <- wire.Batch([]wire.Message{wire.Say(message...)})
}

func (f *fakeCore) publish(topic string, seq int, payload any) {
	f.published <- append([]byte(topic), wire.Say(seq, "core", payload).Head...)
}

// next is what the worker has said with this verb.
func (f *fakeCore) next(verb string) []any {
	f.t.Helper()
	for {
		select {
		case message := <-f.heard:
			if message[0] == verb {
				return message
			}
		case <-time.After(generous):
			f.t.Fatalf("no %q", verb)
		}
	}
}

func echo(id int64, arguments map[string]any) []any { return []any{"result", id, arguments["value"]} }

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	t.Cleanup(cancel)
	return ctx
}
