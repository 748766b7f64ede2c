// Command certify is the echo worker of docs/certify.md: `stockade certify -- certify` tells it what to do.
package main

import (
	"context"
	"errors"
	"iter"
	"time"

	stockade "github.com/stockade-runtime/frontend-go"
)

var offers = []string{
	"together", "cancel", "timeout", "retry", "stream", "channels", "raw", "events", "emits", "exports", "export-streams",
	"nested", "floats",
}

func main() { stockade.Main(work) }

func work(ctx context.Context, core *stockade.Core) error {
	worker := newWorker(core)
	if err := worker.export(); err != nil {
		return err
	}
	if err := core.Ready(); err != nil {
		return err
	}
	said := stockade.Args{"offers": offers}
	for {
		next, err := stockade.As[task](core.Invoke(ctx, "certify.next", said, stockade.Forever()))
		if err != nil {
			return err
		}
		do, isKnown := tasks[next.Do]
		if !isKnown {
			do = unknown
		}
		report, err := do(ctx, worker, next)
		switch {
		case errors.Is(err, errLeave):
			return nil
		case err != nil:
			return err
		}
		said = stockade.Args{"report": report}
	}
}

// export exports what the echo worker answers.
func (w *worker) export() error {
	takes := stockade.Parameters
	return errors.Join(
		w.core.Export("echo.value", echoValue, takes("value"), stockade.Repeatable()),
		w.core.Export("echo.fail", echoFail, takes("code", "message", "data?")),
		w.core.Export("echo.crash", echoCrash, takes()),
		w.core.Export("echo.wait", echoWait, takes()),
		w.core.Export("echo.call", w.echoCall, takes("command", "arguments")),
		w.core.Export("echo.emit", w.echoEmit, takes("event", "payload")),
		w.core.Export("echo.enough", w.echoEnough, takes()),
		w.core.ExportStream("echo.count", echoCount, takes("n")),
		w.core.ExportStream("echo.break", echoBreak, takes("n")),
		w.core.Export("echo.sum", echoSum, takes("items")),
		w.core.Export("echo.send", echoSend, takes("n", "items")),
	)
}

func echoValue(_ context.Context, call *stockade.Handling) (any, error) {
	return call.Arguments["value"], nil
}

func echoCrash(context.Context, *stockade.Handling) (any, error) { panic("as asked") }

func echoWait(ctx context.Context, _ *stockade.Handling) (any, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (w *worker) echoEnough(context.Context, *stockade.Handling) (any, error) {
	select {
	case w.enough <- struct{}{}:
	default:
	}
	return nil, nil
}

func echoFail(_ context.Context, call *stockade.Handling) (any, error) {
	var asked struct {
		Code    string `cbor:"code"`
		Message string `cbor:"message"`
	}
	if err := call.Bind(&asked); err != nil {
		return nil, err
	}
	return nil, &stockade.CommandError{Code: asked.Code, Message: asked.Message, Data: call.Arguments["data"]}
}

func (w *worker) echoCall(ctx context.Context, call *stockade.Handling) (any, error) {
	asked, err := stockade.As[task](call.Arguments, nil)
	if err != nil {
		return nil, err
	}
	return w.core.Invoke(ctx, asked.Command, asked.Arguments)
}

func (w *worker) echoEmit(ctx context.Context, call *stockade.Handling) (any, error) {
	asked, err := stockade.As[task](call.Arguments, nil)
	if err != nil {
		return nil, err
	}
	return nil, w.core.Emit(ctx, asked.Event, asked.Payload)
}

func echoCount(_ context.Context, call *stockade.Handling) iter.Seq2[any, error] {
	count, err := stockade.As[int](call.Arguments["n"], nil)
	return func(yield func(any, error) bool) {
		if err != nil {
			yield(nil, err)
			return
		}
		for number := range count {
			if !yield(number, nil) {
				return
			}
		}
	}
}

func echoBreak(ctx context.Context, call *stockade.Handling) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for number, err := range echoCount(ctx, call) {
			if !yield(number, err) {
				return
			}
		}
		yield(nil, &stockade.CommandError{Code: "echo.broken", Message: "as asked"})
	}
}

func echoSum(ctx context.Context, call *stockade.Handling) (any, error) {
	items, err := call.ReceiveChannel("items")
	if err != nil {
		return nil, err
	}
	sum := 0
	for item, err := range items.All(ctx) {
		number, err := stockade.As[int](item, err)
		if err != nil {
			return nil, err
		}
		sum += number
	}
	return sum, nil
}

func echoSend(ctx context.Context, call *stockade.Handling) (any, error) {
	items, err := call.SendChannel("items")
	if err != nil {
		return nil, err
	}
	count, err := stockade.As[int](call.Arguments["n"], nil)
	if err != nil {
		return nil, err
	}
	for number := range count {
		if err := items.Send(ctx, number); err != nil {
			return nil, err
		}
	}
	items.End()
	return count, nil
}

// milliseconds is a time that a task has; it need not be whole.
func milliseconds(count float64) time.Duration {
	return time.Duration(count * float64(time.Millisecond))
}
