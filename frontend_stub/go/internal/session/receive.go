package session

import (
	"time"

	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// Receive takes one message of the commands socket: a frame, and the raw ones behind it.
func (s *Session) Receive(frame []byte, raw [][]byte, now time.Time) error {
	batch, err := wire.ReadBatch(frame)
	if err != nil {
		return broken("%v", err)
	}
	s.now = now
	frames := wire.NewFrames(raw)
	for _, message := range batch {
		if id, value, isPlain := plainResult(message); isPlain && s.State == Open {
			if err := s.calls.succeed(id, value); err != nil {
				return err
			}
			continue
		}
		said, err := wire.Read(message)
		if err != nil {
			return broken("%v", err)
		}
		if err := s.receive(said, frames); err != nil {
			return err
		}
	}
	if err := frames.CheckAllTaken(); err != nil {
		return broken("%v", err)
	}
	if len(s.calls.held) > 0 {
		s.calls.admit(now)
	}
	return nil
}

// plainResult reads the one message that comes often without the table that reads all.
func plainResult(message any) (id int64, value any, isPlain bool) {
	elements, _ := message.([]any)
	if len(elements) != 3 || elements[0] != "result" {
		return 0, nil, false
	}
	id, isPlain = elements[1].(int64)
	return id, elements[2], isPlain && id >= 0 && id <= wire.LargestID
}

// ReceiveEvent takes one frame of the events socket.
func (s *Session) ReceiveEvent(frame []byte) error {
	if s.State < Open {
		return broken("an event before welcome")
	}
	event, err := wire.ReadEvent(frame)
	if err != nil {
		return broken("%v", err)
	}
	return s.Inbox.put(event)
}

// ReceiveSubscription takes one frame of the emits socket: whether the core takes emits now, or has gone.
func (s *Session) ReceiveSubscription(frame []byte) (takes bool, err error) {
	switch string(frame) {
	case "\x01":
		return true, nil
	case "\x00": // XPUB says so of itself when the last peer has gone
		return false, gone("the core closed its connection")
	}
	return false, broken("a subscription to some of the emits")
}

// receive does what one message says, if it may come now.
func (s *Session) receive(said any, frames *wire.Frames) error {
	switch s.State {
	case Greeting:
		return s.receiveGreeting(said)
	case Open:
		return s.receiveOpen(said, frames)
	case Leaving:
		return s.receiveLeaving(said, frames)
	}
	return broken("%T when the conversation is %v", said, s.State)
}

func (s *Session) receiveGreeting(said any) error {
	switch said := said.(type) {
	case wire.Welcome:
		return s.welcome(said)
	case wire.Refused:
		return gone("the core refused this worker: %v", said.Fault)
	case wire.Breach:
		return breached(said)
	}
	return broken("%T when the conversation is %v", said, s.State)
}

func (s *Session) receiveOpen(said any, frames *wire.Frames) error {
	switch said := said.(type) {
	case wire.Call:
		return s.handled.call(said, frames, s.now)
	case wire.Cancel:
		return s.handled.cancel(said.ID)
	case wire.Item:
		return s.receiveItem(said, frames)
	case wire.End:
		return s.channels.ended(said.Channel, said.Fault)
	case wire.Credit:
		return s.channels.credit(said.Channel, said.Count)
	case wire.Drop:
		return s.channels.dropped(said.Channel)
	case wire.Ping:
		s.Outbox.put(wire.Say("pong", said.Number))
		return nil
	case wire.Bye:
		return broken("bye, which this worker has not said")
	}
	return s.receiveAnswer(said, frames)
}

// receiveLeaving: behind bye this worker says nothing more. Calls that come now are not taken, so neither are the
// channels known that they open: nothing of any is.
func (s *Session) receiveLeaving(said any, frames *wire.Frames) error {
	switch said := said.(type) {
	case wire.Call:
		for _, index := range said.Options.Raw {
			if _, err := frames.Take(index); err != nil {
				return broken("%v", err)
			}
		}
		return nil
	case wire.Item:
		_, err := value(said.Value, said.Raw, frames)
		return err
	case wire.Cancel, wire.End, wire.Credit, wire.Drop, wire.Ping:
		return nil
	case wire.Bye:
		s.EmitsHandled = said.Emitted
		s.State = Left
		s.bye.answer(nil, nil)
		return nil
	}
	return s.receiveAnswer(said, frames)
}

// receiveAnswer: what answers this worker, and what the core tells it, also while it leaves.
func (s *Session) receiveAnswer(said any, frames *wire.Frames) error {
	switch said := said.(type) {
	case wire.Result:
		result, err := value(said.Value, said.Raw, frames)
		if err != nil {
			return err
		}
		return s.calls.succeed(said.ID, result)
	case wire.Refusal:
		return s.calls.fail(said.ID, said.Fault, s.now)
	case wire.Listening:
		return s.answerSubscription(said.Topic, nil)
	case wire.Denied:
		return s.answerSubscription(said.Topic, said.Fault)
	case wire.Missed:
		s.Inbox.droppedTo = max(s.Inbox.droppedTo, said.Seq)
		return nil
	case wire.Pong: // no stub asks; one that is unasked is ignored
		return nil
	case wire.Stop:
		s.Stopping, s.Grace = true, said.Grace
		s.Stopped.Fire()
		return nil
	case wire.Breach:
		return breached(said)
	}
	return broken("%T when the conversation is %v", said, s.State)
}

func (s *Session) welcome(welcome wire.Welcome) error {
	if welcome.Worker != s.label || welcome.Generation != s.generation {
		return broken("a welcome for %s@%d", welcome.Worker, welcome.Generation)
	}
	s.Limits, s.Grants = welcome.Limits, welcome.Grants
	if s.Limits.Rate > 0 {
		s.calls.pace = newPace(s.Limits.Rate)
	}
	s.Outbox.Messages = int(min(max(1, s.Limits.Batch), wire.MostMessages))
	s.Outbox.Size = int(s.Limits.Message)
	s.State = Open
	s.hello.answer(nil, nil)
	return nil
}

func (s *Session) receiveItem(item wire.Item, frames *wire.Frames) error {
	received, err := value(item.Value, item.Raw, frames)
	if err != nil {
		return err
	}
	return s.channels.item(item.Channel, received)
}

// value is what stands in the message, or the raw frame that it refers to.
func value(value any, raw int64, frames *wire.Frames) (any, error) {
	if raw == 0 {
		return value, nil
	}
	frame, err := frames.Take(raw)
	if err != nil {
		return nil, broken("%v", err)
	}
	return frame, nil
}

func (s *Session) answerSubscription(topic string, fault *wire.Fault) error {
	asked := s.asked[topic]
	if len(asked) == 0 {
		return broken("an answer to a subscription that was never made, %q", topic)
	}
	asked[0].answer(nil, asError(fault))
	if len(asked) == 1 {
		delete(s.asked, topic)
	} else {
		s.asked[topic] = asked[1:]
	}
	return nil
}

func breached(breach wire.Breach) error {
	return gone("the core ends this worker, which broke the protocol: %s: %s", breach.Code, breach.Reason)
}
