// Command bench is the worker that benchmarks/languages.py measures: it is told what to do by the answers to bench.next.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	zmq "github.com/pebbe/zmq4"

	stockade "github.com/stockade-runtime/frontend-go"
)

type task struct {
	Do     string `cbor:"do"`
	Count  int    `cbor:"count"`
	Window int    `cbor:"window"`
}

func main() { stockade.Main(work) }

func work(ctx context.Context, core *stockade.Core) error {
	if err := core.Ready(); err != nil {
		return err
	}
	said := stockade.Args{}
	for {
		next, err := stockade.As[task](core.Invoke(ctx, "bench.next", said, stockade.Forever()))
		if err != nil {
			return err
		}
		var report any
		switch next.Do {
		case "leave":
			return nil
		case "stub":
			report, err = one(next.Count, func() error { return echo(ctx, core) })
		case "floor":
			report, err = floor(next.Count)
		case "pipelined":
			report, err = pipelined(ctx, core, next)
		}
		if err != nil {
			return err
		}
		said = stockade.Args{"report": report}
	}
}

func echo(ctx context.Context, core *stockade.Core) error {
	_, err := core.Invoke(ctx, "bench.echo", stockade.Args{"value": 1})
	return err
}

// one measures calls one after the other.
func one(count int, call func() error) (any, error) {
	taken := make([]int64, count)
	for index := range taken {
		begun := time.Now()
		if err := call(); err != nil {
			return nil, err
		}
		taken[index] = int64(time.Since(begun))
	}
	return map[string]any{"ns": taken}, nil
}

// floor measures round trips of a bare DEALER, sending and receiving in the way that is both usual and fastest.
func floor(count int) (any, error) {
	socket, err := bare()
	if err != nil {
		return nil, err
	}
	frame := make([]byte, 24)
	return one(count, func() error {
		if _, err := socket.SendBytes(frame, 0); err != nil {
			return err
		}
		_, err := socket.RecvBytes(0)
		return err
	})
}

var bare = sync.OnceValues(func() (*zmq.Socket, error) {
	socket, err := zmq.NewSocket(zmq.DEALER)
	if err != nil {
		return nil, err
	}
	if err := socket.SetLinger(0); err != nil {
		return nil, err
	}
	return socket, socket.Connect(os.Getenv("BENCH_FLOOR"))
})

// pipelined has a window of goroutines call one after the other, as a Go program does that has much to ask for.
func pipelined(ctx context.Context, core *stockade.Core, t task) (any, error) {
	window := max(1, t.Window)
	failures := make([]error, window)
	begun := time.Now()
	var all sync.WaitGroup
	for caller := range window {
		all.Add(1)
		go func() {
			defer all.Done()
			for number := caller; number < t.Count && failures[caller] == nil; number += window {
				failures[caller] = echo(ctx, core)
			}
		}()
	}
	all.Wait()
	taken := time.Since(begun)
	for _, failure := range failures {
		if failure != nil {
			return nil, fmt.Errorf("a call failed: %w", failure)
		}
	}
	return map[string]any{"ns": int64(taken)}, nil
}
