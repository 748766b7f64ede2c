package session

import (
	"testing"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// What a call costs without sockets: its message, its part of a batch, and its answer.
func BenchmarkCallsInBatches(b *testing.B) {
	s := New("editor", 1, "test/0", 1)
	s.State = Open
	all := wire.NewGrant(".", []string{"**"}, nil)
	s.Grants = wire.Grants{Commands: all, Listen: all, Emit: all}
	s.Limits = wire.Limits{Message: 1 << 20, Batch: 64, Calls: 1 << 20, Depth: 32}
	s.Outbox.Messages, s.Outbox.Size = 64, 1<<20
	b.ReportAllocs()
	for range b.N / 64 {
		answers := make([]wire.Message, 64)
		for index := range answers {
			call := &Call{Command: "bench.echo", Arguments: map[string]any{"value": 1}}
			if err := s.Call(call, time.Time{}); err != nil {
				b.Fatal(err)
			}
			answers[index] = wire.Say("result", call.id, 1)
		}
		for s.Outbox.Next() != nil {
			s.Outbox.Sent()
		}
		b.StopTimer()
		frame := wire.Batch(answers)
		b.StartTimer()
		if err := s.Receive(frame, nil, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
