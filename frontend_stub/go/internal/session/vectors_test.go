package session

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stockade-runtime/frontend-go/internal/vectors"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// opened is a session that the core has welcomed, as the vectors' worker, and that has made one call.
func opened(t *testing.T, all *vectors.All) *Session {
	t.Helper()
	s := New("editor", 3, "test/0", 1)
	s.Hello()
	for _, vector := range all.Messages {
		if vector.Name == "welcome" {
			if err := s.Receive(vectors.Bytes(t, vector.Hex), nil, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	anything := wire.NewGrant(".", []string{"**"}, nil)
	s.Grants = wire.Grants{Commands: anything, Listen: wire.NewGrant("/", []string{"**"}, nil), Emit: anything}
	if err := s.Call(&Call{Command: "echo"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEachValidMessageOfTheCoreIsRead(t *testing.T) {
	count := 0
	for _, vector := range vectors.Load(t).Messages {
		if vector.From != "core" || !vector.Valid {
			continue
		}
		count++
		t.Run(vector.Name, func(t *testing.T) {
			batch, err := wire.ReadBatch(vectors.Bytes(t, vector.Hex))
			if err != nil {
				t.Fatal(err)
			}
			for _, message := range batch {
				if _, err := wire.Read(message); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if count < 30 {
		t.Errorf("only %d vectors were played", count)
	}
}

// What is not valid is the core's fault, and ends this worker with status 70.
func TestEachBadMessageOfTheCoreIsItsFault(t *testing.T) {
	all, count := vectors.Load(t), 0
	for _, vector := range all.Messages {
		if vector.From != "core" || vector.Valid {
			continue
		}
		count++
		t.Run(vector.Name, func(t *testing.T) {
			var raw [][]byte
			for _, frame := range vector.Frames {
				raw = append(raw, vectors.Bytes(t, frame))
			}
			var ended *Ended
			err := opened(t, all).Receive(vectors.Bytes(t, vector.Hex), raw, time.Time{})
			if !errors.As(err, &ended) || ended.Status != StatusBroken {
				t.Errorf("%v", err)
			}
		})
	}
	if count < 30 {
		t.Errorf("only %d vectors were played", count)
	}
}

// What the core answers in the vectors' conversations is taken by a worker that has said what the vector's worker says.
func TestEachConversationThatEndsWellIsTaken(t *testing.T) {
	all, count, left := vectors.Load(t), 0, 0
	for _, vector := range all.Conversation {
		if string(vector.Ends) != "null" || vector.Live {
			continue
		}
		t.Run(vector.Name, func(t *testing.T) {
			if played := playConversation(t, vector); played {
				count++
			} else {
				left++
			}
		})
	}
	// A worker of this stub cannot be brought to leave gaps between its ids, or to say some other things that it may.
	t.Logf("%d conversations were played; %d have a worker say what this stub never does", count, left)
	if count < 35 {
		t.Errorf("only %d conversations were played", count)
	}
}

// play is a session that is made to say what the worker of a conversation says.
type play struct {
	t       *testing.T
	session *Session
	calls   map[int64]*Call
	ends    map[int64]End
	handled map[int64]*Handled
}

func playConversation(t *testing.T, vector vectors.Conversation) bool {
	s := New("editor", 1, "test/0", 8)
	p := &play{t, s, map[int64]*Call{}, map[int64]End{}, map[int64]*Handled{}}
	for _, step := range vector.Steps {
		switch {
		case step.Worker != nil && (step.Worker.Socket != "commands" || step.Worker.Frames != nil || step.Worker.Batch == nil):
			return false // subscriptions, emits and granted credit are of real sockets
		case step.Worker != nil:
			for _, said := range step.Worker.Batch {
				if !p.say(vectors.Value(t, said).([]any)) {
					return false
				}
			}
		case step.Core != nil && step.Core.Socket == "commands":
			if !p.hear(step.Core.Messages) {
				return false
			}
		}
	}
	return true
}

func (p *play) say(message []any) bool {
	s := p.session
	number := int64(-1)
	if len(message) > 1 {
		number, _ = wire.Integer(message[1])
	}
	switch message[0] {
	case "hello":
		s.Hello()
	case "ready":
		if len(message) > 1 {
			exports, _ := message[1].(map[string]any)["exports"].(map[string]any)
			for command := range exports {
				_ = s.Export(command, &Export{Concurrency: 1})
			}
		}
		s.Ready()
	case "call":
		return p.call(number, message)
	case "cancel":
		if p.calls[number] == nil {
			return false
		}
		s.Cancel(p.calls[number], faultOf(wire.Cancelled, "as the vector has it"))
	case "result", "error":
		return p.answer(number, message)
	case "bye":
		s.Bye()
	case "end", "drop":
		if p.ends[number] == nil {
			return false
		}
		s.End(p.ends[number], nil)
	case "item":
		sender, _ := p.ends[number].(*Sender)
		if sender == nil || sender.Credit == 0 {
			return false
		}
		return s.Send(sender, message[2]) == nil
	case "pong", "ping": // the session says the one by itself, and never the other
	default: // credit, by itself
		return false
	}
	return true
}

func (p *play) call(id int64, message []any) bool {
	command, isText := message[2].(string)
	arguments, isMap := message[3].(map[string]any)
	if !isText || !isMap || id != p.session.calls.last+1 {
		return false
	}
	call := &Call{Command: command, Arguments: arguments, Asking: Asking{NoWait: true}}
	if len(message) > 4 {
		options, _ := message[4].(map[string]any)
		channels, _ := options["channels"].(map[string]any)
		if options["raw"] != nil || len(channels) > 1 || options["parent"] != nil {
			return false
		}
		for name, said := range channels {
			offer, _ := said.(map[string]any)
			number, _ := wire.Integer(offer["id"])
			if number != p.session.channels.lastOwn+2 {
				return false
			}
			credit, _ := wire.Integer(offer["credit"])
			p.ends[number] = &Sender{}
			if offer["to"] == "caller" {
				p.ends[number] = NewReceiver(max(1, credit))
			}
			call.Asking.Ends = map[string]End{name: p.ends[number]}
		}
	}
	p.calls[id] = call
	return p.session.Call(call, time.Time{}) == nil
}

func (p *play) answer(id int64, message []any) bool {
	handled := p.session.handled.open[id]
	if handled == nil {
		return false
	}
	p.session.Begin(handled)
	if message[0] == "error" {
		p.session.Fail(handled, faultOf(wire.Failed, "as the vector has it"))
		return true
	}
	return p.session.Result(handled, message[2]) == nil
}

func (p *play) hear(messages []json.RawMessage) bool {
	for _, written := range messages {
		message, isArray := vectors.Value(p.t, written).([]any)
		if !isArray {
			return false // one of several
		}
		if message[0] == "welcome" {
			rules := map[string]any{"allow": []any{"**"}, "deny": []any{}}
			message[1] = map[string]any{
				"protocol": 1, "worker": "editor", "generation": 1, "core": "test", "limits": map[string]any{
					"message": 1 << 20, "event": 1 << 20, "batch": 64, "calls": 64, "topics": 8, "depth": 32, "channels": 64,
					"frames": 63,
				}, "grants": map[string]any{"commands": rules, "listen": rules, "emit": rules},
			}
		}
		if fault, isMap := message[len(message)-1].(map[string]any); isMap && message[0] == "error" && fault["message"] == nil {
			fault["message"] = "" // the vectors leave out what is for people
		}
		if message[0] == "pong" {
			continue // this stub never asks
		}
		if err := p.session.Receive(wire.Batch([]wire.Message{wire.Say(message...)}), nil, time.Time{}); err != nil {
			p.t.Errorf("%v: %v", message, err)
			return true
		}
	}
	return true
}
