package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// longestName bounds the names of events and of commands, in characters.
const longestName = 128

// Event is what a frame of the events socket says.
type Event struct {
	Name    string
	Payload any
	// Source is the label of the worker that emitted it, or "core".
	Source string
	// Seq numbers the events that were meant for this worker since it started.
	Seq int64
	// Trace is the W3C traceparent that it came with, or "".
	Trace string
}

// IsEvent says whether name may name an event. What ends in a slash is a prefix, and none.
func IsEvent(name string) bool {
	if name == "" || len(name) > longestName || strings.HasSuffix(name, "/") {
		return false
	}
	for index := range len(name) {
		if !isEventByte(name[index]) {
			return false
		}
	}
	return true
}

func isEventByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("_/:.-", c) >= 0
}

// TopicOf is what to subscribe to, so as to get the event of this name or, if it ends in a slash, all whose names
// begin so. An error is the worker's own bug.
func TopicOf(name string) (string, error) {
	if !IsEvent(strings.TrimSuffix(name, "/")) {
		return "", fmt.Errorf("%q is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . - (a prefix ends in one slash)", name)
	}
	if strings.HasSuffix(name, "/") {
		return name, nil
	}
	return name + "|", nil
}

// TopicsFor are the topics that an event of this name has: its own, then its prefixes, shortest first.
func TopicsFor(name string) []string {
	topics := []string{name + "|"}
	for index := range len(name) {
		if name[index] == '/' {
			topics = append(topics, name[:index+1])
		}
	}
	return topics
}

// ReadEvent reads a frame of the events socket. An error is the core's fault.
func ReadEvent(frame []byte) (Event, error) {
	topic, body, found := bytes.Cut(frame, []byte("|"))
	if name := string(topic); !found || !IsEvent(name) {
		return Event{}, errors.New("an event without a name and a bar")
	}
	value, err := Decode(body)
	if err != nil {
		return Event{}, fmt.Errorf("an event that cannot be read: %w", err)
	}
	elements, _ := value.([]any)
	if len(elements) < 3 {
		return Event{}, errors.New("an event that is not [seq, source, payload]")
	}
	seq, isNumber := Integer(elements[0])
	source, isText := elements[1].(string)
	if !isNumber || seq == 0 || !isText {
		return Event{}, errors.New("an event without a number or a source")
	}
	event := Event{Name: string(topic), Payload: elements[2], Source: source, Seq: seq}
	if len(elements) > 3 {
		options, _ := elements[3].(map[string]any) // what the protocol does not name is ignored, and so is no trace
		event.Trace, _ = options["trace"].(string)
	}
	return event, nil
}

// Emit is an event to be emitted, encoded but for its number.
type Emit struct {
	name, to, trace string
	payload         []byte
}

// NewEmit encodes a payload that may stand so deep. Its error is an EncodeError.
func NewEmit(name string, payload any, to, trace string, depth int) (*Emit, error) {
	if err := Check(payload, depth-1); err != nil {
		return nil, err
	}
	encoded, err := encode(payload)
	return &Emit{name: name, to: to, trace: trace, payload: encoded}, err
}

// Frame is this event under its number.
func (e *Emit) Frame(seq int64) ([]byte, error) {
	elements := []any{seq, rawItem(e.payload)}
	options := map[string]any{}
	if e.to != "" {
		options["to"] = e.to
	}
	if e.trace != "" {
		options["trace"] = e.trace
	}
	if len(options) > 0 {
		elements = append(elements, options)
	}
	body, err := encode(elements)
	return append(append([]byte(e.name), '|'), body...), err
}
