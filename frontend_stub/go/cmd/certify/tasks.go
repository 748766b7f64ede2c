package main

import (
	"context"
	"errors"
	"sync"

	stockade "github.com/stockade-runtime/frontend-go"
)

// task is what the core tells this worker to do; docs/certify.md has what stands in it.
type task struct {
	Do         string           `cbor:"do"`
	Command    string           `cbor:"command"`
	Arguments  map[string]any   `cbor:"arguments"`
	Timeout    *float64         `cbor:"timeout"`
	Wait       *bool            `cbor:"wait"`
	Idempotent bool             `cbor:"idempotent"`
	Trace      string           `cbor:"trace"`
	Each       []map[string]any `cbor:"each"`
	Values     []any            `cbor:"values"`
	Argument   string           `cbor:"argument"`
	Size       int              `cbor:"size"`
	Take       *int             `cbor:"take"`
	Items      []any            `cbor:"items"`
	Finish     string           `cbor:"finish"`
	Credit     int              `cbor:"credit"`
	Topic      string           `cbor:"topic"`
	Once       bool             `cbor:"once"`
	Count      int              `cbor:"count"`
	Event      string           `cbor:"event"`
	Payload    any              `cbor:"payload"`
	To         string           `cbor:"to"`
}

// report is what a task has come to.
type report = map[string]any

// worker is what lives from task to task.
type worker struct {
	core          *stockade.Core
	enough        chan struct{}
	subscriptions map[string]*stockade.Subscription

	mu     sync.Mutex
	kept   []any
	change chan struct{}
}

func newWorker(core *stockade.Core) *worker {
	return &worker{
		core: core, enough: make(chan struct{}, 1), change: make(chan struct{}, 1),
		subscriptions: map[string]*stockade.Subscription{},
	}
}

var errLeave = errors.New("the task is to leave")

var tasks = map[string]func(context.Context, *worker, task) (report, error){
	"invoke": func(ctx context.Context, w *worker, t task) (report, error) {
		return outcome(w.core.Invoke(ctx, t.Command, t.Arguments, t.options()...)), nil
	},
	"calls":    calls,
	"cancel":   cancel,
	"echo":     func(_ context.Context, _ *worker, t task) (report, error) { return report{"values": t.Values}, nil },
	"bytes":    sendBytes,
	"stream":   stream,
	"send":     send,
	"receive":  receive,
	"listen":   listen,
	"unlisten": unlisten,
	"events":   events,
	"emit":     emit,
	"serve": func(ctx context.Context, w *worker, _ task) (report, error) {
		select {
		case <-w.enough:
			return report{}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	},
	"run": func(ctx context.Context, w *worker, _ task) (report, error) {
		if err := w.core.Run(ctx); err != nil {
			return nil, err
		}
		return nil, errLeave
	},
	"leave": func(context.Context, *worker, task) (report, error) { return nil, errLeave },
}

func unknown(_ context.Context, _ *worker, t task) (report, error) {
	return failed(&stockade.CommandError{Code: "certify.unknown", Message: "no such task: " + t.Do}), nil
}

func (t task) options() []stockade.Option {
	var options []stockade.Option
	if t.Timeout != nil {
		options = append(options, stockade.Timeout(milliseconds(*t.Timeout)))
	}
	if t.Wait != nil && !*t.Wait {
		options = append(options, stockade.NoWait())
	}
	if t.Idempotent {
		options = append(options, stockade.Idempotent())
	}
	if t.Trace != "" {
		options = append(options, stockade.Trace(t.Trace))
	}
	return options
}

func outcome(value any, err error) report {
	if err != nil {
		return failed(err)
	}
	return report{"value": value}
}

func failed(err error) report { return report{"error": described(err)} }

func described(err error) report {
	var refusal *stockade.CommandError
	if !errors.As(err, &refusal) {
		refusal = &stockade.CommandError{Code: "certify.error", Message: err.Error()}
	}
	return report{"code": refusal.Code, "message": refusal.Message, "data": refusal.Data}
}

// -- calls -------------------------------------------------------------------------------------------------------------

func calls(ctx context.Context, w *worker, t task) (report, error) {
	begun := make([]*stockade.Call, len(t.Each))
	outcomes := make([]any, len(t.Each))
	for index, arguments := range t.Each {
		call, err := w.core.Call(ctx, t.Command, arguments)
		if err != nil {
			outcomes[index] = failed(err)
		}
		begun[index] = call
	}
	for index, call := range begun {
		if call != nil {
			outcomes[index] = outcome(call.Result(ctx))
		}
	}
	return report{"outcomes": outcomes}, nil
}

func cancel(ctx context.Context, w *worker, t task) (report, error) {
	call, err := w.core.Call(ctx, t.Command, t.Arguments)
	if err != nil {
		return failed(err), nil
	}
	if _, err := w.core.Invoke(ctx, "certify.now", nil); err != nil {
		return nil, err
	}
	call.Cancel()
	return outcome(call.Result(ctx)), nil
}

func sendBytes(ctx context.Context, w *worker, t task) (report, error) {
	data := make([]byte, t.Size)
	for index := range data {
		data[index] = byte(index % 251)
	}
	return outcome(w.core.Invoke(ctx, t.Command, stockade.Args{t.Argument: data})), nil
}

// -- channels ----------------------------------------------------------------------------------------------------------

func stream(ctx context.Context, w *worker, t task) (report, error) {
	items := []any{}
	if t.Take != nil && *t.Take == 0 {
		return report{"items": items}, nil
	}
	for item, err := range w.core.Stream(ctx, t.Command, t.Arguments) {
		if err != nil {
			return report{"items": items, "error": described(err)}, nil
		}
		if items = append(items, item); t.Take != nil && len(items) == *t.Take {
			break
		}
	}
	return report{"items": items}, nil
}

func send(ctx context.Context, w *worker, t task) (report, error) {
	channel := w.core.SendChannel()
	call, err := w.core.Call(ctx, t.Command, with(t.Arguments, channel))
	if err != nil {
		return failed(err), nil
	}
	sent := 0
	for _, item := range t.Items {
		if channel.Send(ctx, item) != nil {
			break // it has ended; the answer of the call says why
		}
		sent++
	}
	switch t.Finish {
	case "end":
		channel.End()
	case "fail":
		channel.Fail(&stockade.CommandError{Code: "certify.stopped", Message: "as asked"})
	}
	result := outcome(call.Result(ctx))
	result["sent"] = sent
	return result, nil
}

func receive(ctx context.Context, w *worker, t task) (report, error) {
	channel := w.core.ReceiveChannel(t.Credit)
	call, err := w.core.Call(ctx, t.Command, with(t.Arguments, channel))
	if err != nil {
		return failed(err), nil
	}
	items := []any{}
	var ended error
	for item, err := range channel.All(ctx) {
		if ended = err; err != nil {
			break
		}
		if items = append(items, item); t.Take != nil && len(items) == *t.Take {
			break
		}
	}
	result := outcome(call.Result(ctx))
	result["items"] = items
	if ended != nil {
		result["ended"] = described(ended)
	}
	return result, nil
}

func with(arguments stockade.Args, channel any) stockade.Args {
	all := stockade.Args{"items": channel}
	for name, value := range arguments {
		all[name] = value
	}
	return all
}

// -- events ------------------------------------------------------------------------------------------------------------

func listen(ctx context.Context, w *worker, t task) (report, error) {
	how := w.core.Listen
	if t.Once {
		how = w.core.Once
	}
	subscription, err := how(ctx, t.Topic, w.keep)
	if err != nil {
		return failed(err), nil
	}
	w.subscriptions[t.Topic] = subscription
	return report{}, nil
}

func (w *worker) keep(_ context.Context, event stockade.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, report{"name": event.Name, "source": event.Source, "payload": event.Payload})
	select {
	case w.change <- struct{}{}:
	default:
	}
}

func unlisten(_ context.Context, w *worker, t task) (report, error) {
	if subscription := w.subscriptions[t.Topic]; subscription != nil {
		subscription.Close()
	}
	return report{}, nil
}

func events(ctx context.Context, w *worker, t task) (report, error) {
	for {
		w.mu.Lock()
		kept := w.kept
		if len(kept) >= t.Count {
			w.kept = nil
			w.mu.Unlock()
			return report{"events": kept, "missed": w.core.Missed()}, nil
		}
		w.mu.Unlock()
		select {
		case <-w.change:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func emit(ctx context.Context, w *worker, t task) (report, error) {
	var options []stockade.EmitOption
	if t.To != "" {
		options = append(options, stockade.To(t.To))
	}
	if err := w.core.Emit(ctx, t.Event, t.Payload, options...); err != nil {
		return failed(err), nil
	}
	return report{}, nil
}
