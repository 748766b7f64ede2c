package stockade

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// -- calls -------------------------------------------------------------------------------------------------------------

// Each of many goroutines gets the answers to its own calls, also with more of them than the core takes at once.
func TestGoroutinesShareAConnection(t *testing.T) {
	fake, core := connected(t)
	fake.answers["echo"] = echo
	var all sync.WaitGroup
	for caller := range 100 {
		all.Add(1)
		go func() {
			defer all.Done()
			for number := range 20 {
				wanted := caller*1000 + number
				got, err := As[int](core.Invoke(background(t), "echo", Args{"value": wanted}))
				if err != nil || got != wanted {
					t.Errorf("%d for %d (%v)", got, wanted, err)
				}
			}
		}()
	}
	all.Wait()
}

// A call that is alone, and so waits in its own thread, is cancelled with its context, and the core is told.
func TestACallIsCancelledWithItsContext(t *testing.T) {
	fake, core := connected(t)
	fake.answers["never"] = func(int64, map[string]any) []any { fake.heard <- []any{"asked"}; return nil }
	ctx, cancel := context.WithCancel(background(t))
	go func() {
		fake.next("asked")
		cancel()
	}()
	_, err := core.Invoke(ctx, "never", nil)
	if !errors.Is(err, Cancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	fake.next("cancel")
}

// A call whose time is over ends with deadline_exceeded, and the next one is answered.
func TestACallEndsWithItsTime(t *testing.T) {
	fake, core := connected(t)
	fake.answers["never"] = func(int64, map[string]any) []any { return nil }
	fake.answers["echo"] = echo
	if _, err := core.Invoke(background(t), "never", nil, Timeout(20*time.Millisecond)); !errors.Is(err, DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if value, err := core.Invoke(background(t), "echo", Args{"value": "x"}); value != "x" || err != nil {
		t.Errorf("%v, %v", value, err)
	}
}

// A core that is busy is asked again; with NoWait it is an error at once.
func TestBusyIsTriedAgain(t *testing.T) {
	fake, core := connected(t)
	var asked atomic.Int64
	fake.answers["sometimes"] = func(id int64, _ map[string]any) []any {
		if asked.Add(1)%3 != 0 {
			return []any{"error", id, map[string]any{"code": "busy", "message": "later"}}
		}
		return []any{"result", id, "now"}
	}
	if value, err := core.Invoke(background(t), "sometimes", nil); value != "now" || err != nil {
		t.Errorf("%v, %v", value, err)
	}
	if _, err := core.Invoke(background(t), "sometimes", nil, NoWait()); !errors.Is(err, Busy) {
		t.Errorf("%v", err)
	}
}

// What the grants deny is refused at once.
func TestGrantsAreKept(t *testing.T) {
	_, core := connected(t)
	if _, err := core.Invoke(background(t), "secret.read", nil); !errors.Is(err, NotAllowed) {
		t.Errorf("%v", err)
	}
	if err := core.Emit(background(t), "secret/opened", nil); !errors.Is(err, NotAllowed) {
		t.Errorf("%v", err)
	}
	if _, err := core.Listen(background(t), "secret/", func(context.Context, Event) {}); !errors.Is(err, NotAllowed) {
		t.Errorf("%v", err)
	}
}

// Calls that have begun are answered in any order, and those that wait are, when another one is cancelled.
func TestBegunCalls(t *testing.T) {
	fake, core := connected(t)
	fake.answers["echo"] = echo
	fake.answers["never"] = func(int64, map[string]any) []any { return nil }
	never, err := core.Call(background(t), "never", nil)
	if err != nil {
		t.Fatal(err)
	}
	var begun []*Call
	for number := range 200 {
		call, err := core.Call(background(t), "echo", Args{"value": number})
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, call)
	}
	for number, call := range begun {
		if value, err := call.Result(background(t)); value != int64(number) || err != nil {
			t.Errorf("%v, %v", value, err)
		}
	}
	ended := make(chan error, 1)
	go func() { _, err := never.Result(background(t)); ended <- err }()
	never.Cancel()
	if err := <-ended; !errors.Is(err, Cancelled) {
		t.Errorf("%v", err)
	}
}

// -- channels, events, exports -----------------------------------------------------------------------------------------

// Leaving the loop over a stream drops it.
func TestLeavingAStreamDropsIt(t *testing.T) {
	fake, core := connected(t)
	fake.answers["count"] = func(id int64, _ map[string]any) []any {
		for number := range 3 {
			fake.send("item", 1, number)
		}
		return nil
	}
	fake.answers["drop"] = func(int64, map[string]any) []any { fake.heard <- []any{"dropped"}; return []any{"result", 1, nil} }
	for item, err := range core.Stream(background(t), "count", nil) {
		if item != int64(0) || err != nil {
			t.Errorf("%v, %v", item, err)
		}
		break
	}
	fake.next("dropped")
}

// Handlers of events run in their order, also when they make calls; one that listens once is called once.
func TestEventsComeInOrder(t *testing.T) {
	fake, core := connected(t)
	fake.answers["echo"] = echo
	got := make(chan any, 100)
	if _, err := core.Listen(background(t), "notes/", func(ctx context.Context, event Event) {
		value, err := core.Invoke(ctx, "echo", Args{"value": event.Payload})
		if err != nil {
			t.Error(err)
		}
		got <- value
	}); err != nil {
		t.Fatal(err)
	}
	once := make(chan any, 100)
	if _, err := core.Once(background(t), "notes/changed", func(_ context.Context, event Event) { once <- event.Seq }); err != nil {
		t.Fatal(err)
	}
	<-fake.topics
	<-fake.topics
	for number := range 20 {
		fake.publish("notes/changed|", number+1, number)
	}
	for number := range 20 {
		if value := <-got; value != int64(number) {
			t.Errorf("%v instead of %d", value, number)
		}
	}
	if len(once) != 1 || core.Missed() != 0 {
		t.Errorf("called %d times, missed %d", len(once), core.Missed())
	}
}

// An export is answered by its handler's value, error, stream or panic, and its calls are part of the one it handles.
func TestExports(t *testing.T) {
	fake, core := connected(t)
	fake.answers["echo"] = echo
	export := func(name string, handler Handler) {
		if err := core.Export(name, handler, Concurrency(2)); err != nil {
			t.Fatal(err)
		}
	}
	export("own.double", func(_ context.Context, call *Handling) (any, error) {
		var asked struct{ Value int }
		if err := call.Bind(&asked); err != nil {
			return nil, err
		}
		return 2 * asked.Value, nil
	})
	export("own.fail", func(context.Context, *Handling) (any, error) {
		return nil, fmt.Errorf("wrapped: %w", &CommandError{Code: "own.no"})
	})
	export("own.panic", func(context.Context, *Handling) (any, error) { panic("as the test asks") })
	export("own.nested", func(ctx context.Context, _ *Handling) (any, error) { return core.Invoke(ctx, "later", nil) })
	if err := core.ExportStream("own.count", func(context.Context, *Handling) iter.Seq2[any, error] {
		return func(yield func(any, error) bool) { _ = yield(1, nil) && yield(2, nil) }
	}); err != nil {
		t.Fatal(err)
	}
	if err := core.Ready(); err != nil {
		t.Fatal(err)
	}
	fake.next("ready")
	fake.send("call", 1, "own.double", map[string]any{"Value": 21})
	if answer := fake.next("result"); answer[2] != int64(42) {
		t.Errorf("%v", answer)
	}
	for id, wanted := range map[int]string{2: "own.no"} {
		fake.send("call", id, "own.fail", map[string]any{})
		if answer := fake.next("error"); answer[2].(map[string]any)["code"] != wanted {
			t.Errorf("%v", answer)
		}
	}
	fake.send("call", 3, "own.panic", map[string]any{})
	if answer := fake.next("error"); answer[2].(map[string]any)["code"] != "failed" {
		t.Errorf("%v", answer)
	}
	fake.send("call", 4, "own.count", map[string]any{}, map[string]any{
		"channels": map[string]any{"yield": map[string]any{"id": 2, "to": "caller", "credit": 1}},
	})
	fake.next("item")
	fake.send("credit", 2, 5)
	fake.next("item")
	fake.next("end")
	fake.next("result")
	fake.send("call", 5, "own.nested", map[string]any{}, map[string]any{"deadline": 60000})
	asked := fake.next("call")
	if options := asked[4].(map[string]any); options["parent"] != int64(5) || options["deadline"] == nil {
		t.Errorf("%v", asked)
	}
	fake.send("cancel", 5)
	fake.next("cancel")
	if answer := fake.next("error"); answer[2].(map[string]any)["code"] != "cancelled" {
		t.Errorf("%v", answer)
	}
}

// -- the end -----------------------------------------------------------------------------------------------------------

// Run returns when the core says stop, and Close takes leave with the count of the emits.
func TestStopAndLeave(t *testing.T) {
	fake, core := connected(t)
	for number := range 600 { // more than libzmq keeps for a core that does not read
		if err := core.Emit(background(t), "editor/opened", number); err != nil {
			t.Fatal(err)
		}
	}
	fake.send("stop", map[string]any{"grace": 1000})
	if err := core.Run(background(t)); err != nil {
		t.Error(err)
	}
	if err := core.Close(); err != nil {
		t.Error(err)
	}
	if bye := fake.next("bye"); bye[1].(map[string]any)["emitted"] != int64(600) {
		t.Errorf("%v", bye)
	}
	if _, err := core.Invoke(background(t), "echo", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := core.Close(); err != nil {
		t.Error(err)
	}
}

// What waits ends when the core's connections close, with status 1; so does what is asked later.
func TestTheCoreGoes(t *testing.T) {
	fake, core := connected(t)
	fake.answers["never"] = func(int64, map[string]any) []any { go fake.close(); return nil }
	var ended *Ended
	if _, err := core.Invoke(background(t), "never", nil); !errors.As(err, &ended) || ended.Status != 1 {
		t.Errorf("%v", err)
	}
	if err := core.Run(background(t)); !errors.As(err, &ended) || Status(err) != 1 {
		t.Errorf("%v", err)
	}
}

// A core that breaks the protocol, and one that refuses the worker, are told apart by the status.
func TestStatuses(t *testing.T) {
	fake, core := connected(t)
	fake.answers["never"] = func(int64, map[string]any) []any { return []any{"item", 99, 1} }
	if _, err := core.Invoke(background(t), "never", nil); Status(err) != 70 {
		t.Errorf("%v", err)
	}
	_, _, err := connect(t, []any{"refused", map[string]any{"code": "unavailable", "message": "no"}})
	if Status(err) != 1 {
		t.Errorf("%v", err)
	}
	_, _, err = connect(t, []any{"breach", map[string]any{"code": "bad_frame", "reason": "no"}})
	if Status(err) != 1 {
		t.Errorf("%v", err)
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("STOCKADE_TEST_WORKER") != "" {
		Main(func(ctx context.Context, core *Core) error { return core.Run(ctx) })
	}
	os.Exit(m.Run())
}
