package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Threshold is from how many bytes on they travel in a frame of their own: copying them through the codec costs more
// than the frame from about there on.
const Threshold = 16 * 1024

// Message is an encoded message, with the raw frames that it refers to as 1, 2, ...
type Message struct {
	Head []byte
	Raw  [][]byte
}

// Size is the bytes of all of it.
func (m Message) Size() int {
	size := len(m.Head)
	for _, frame := range m.Raw {
		size += len(frame)
	}
	return size
}

type rawItem = cbor.RawMessage

type callMessage struct {
	_         struct{} `cbor:",toarray"`
	Verb      string
	ID        int64
	Command   string
	Arguments map[string]any
}

type callMessageWithOptions struct {
	_         struct{} `cbor:",toarray"`
	Verb      string
	ID        int64
	Command   string
	Arguments map[string]any
	Options   map[string]any
}

type valuedMessage struct {
	_      struct{} `cbor:",toarray"`
	Verb   string
	Number int64
	Value  any
}

// Say encodes a message of this stub's own making, which needs no check.
func Say(elements ...any) Message {
	head, err := encode(elements)
	if err != nil {
		panic(err) // only verbs, numbers and checked text come here
	}
	return Message{Head: head}
}

// SayCall encodes a call whose arguments may be so deep. Its error is an EncodeError.
func SayCall(id int64, command string, arguments, options map[string]any, depth int) (Message, error) {
	if err := checkText(command); err != nil {
		return Message{}, err
	}
	values, raw := apart(arguments)
	if err := Check(values, depth); err != nil {
		return Message{}, err
	}
	if len(raw) == 0 && len(options) == 0 {
		head, err := encode(&callMessage{Verb: "call", ID: id, Command: command, Arguments: values})
		return Message{Head: head}, err
	}
	if options == nil {
		options = map[string]any{}
	}
	message := Message{}
	if len(raw) > 0 {
		indices := map[string]any{}
		for name, frame := range raw {
			message.Raw = append(message.Raw, frame)
			indices[name] = len(message.Raw)
		}
		options["raw"] = indices
	}
	var err error
	message.Head, err = encode(&callMessageWithOptions{
		Verb: "call", ID: id, Command: command, Arguments: values, Options: options,
	})
	return message, err
}

// apart takes the arguments that are to travel raw from the others: at most as many as a batch has frames.
func apart(arguments map[string]any) (values map[string]any, raw map[string][]byte) {
	values = arguments
	for name, value := range arguments {
		data, isBytes := value.([]byte)
		if !isBytes || len(data) < Threshold || len(raw) == MostFrames {
			continue
		}
		if raw == nil {
			raw, values = map[string][]byte{}, make(map[string]any, len(arguments))
			for name, value := range arguments {
				values[name] = value
			}
		}
		delete(values, name)
		raw[name] = slices.Clone(data) // a held call is sent later, and the program may change them meanwhile
	}
	if values == nil {
		values = map[string]any{}
	}
	return values, raw
}

// SayValue encodes a result or an item. Its error is an EncodeError.
func SayValue(verb string, number int64, value any, depth int) (Message, error) {
	if data, isBytes := value.([]byte); isBytes && len(data) >= Threshold {
		message := Say(verb, number, nil, map[string]any{"raw": 1})
		message.Raw = [][]byte{slices.Clone(data)}
		return message, nil
	}
	if err := Check(value, depth); err != nil {
		return Message{}, err
	}
	head, err := encode(&valuedMessage{Verb: verb, Number: number, Value: value})
	return Message{Head: head}, err
}

// SayFault encodes the message that ends a call, or a channel, with an error; of its data what cannot be sent is left
// out, and said so.
func SayFault(verb string, number int64, fault *Fault, depth int) Message {
	said := map[string]any{"code": strings.ToValidUTF8(fault.Code, "?"), "message": strings.ToValidUTF8(fault.Message, "?")}
	if fault.Data != nil {
		if err := Check(fault.Data, depth-1); err != nil {
			said["message"] = fmt.Sprintf("%s (its data cannot be sent: %v)", said["message"], err)
		} else {
			said["data"] = fault.Data
		}
	}
	return Say(verb, number, said)
}

// LargestHead is what the head of a batch takes of a message's limit, in bytes.
const LargestHead = 3

// Batch joins encoded messages to one frame.
func Batch(messages []Message) []byte {
	items := make([]rawItem, len(messages))
	for index, message := range messages {
		items[index] = message.Head
	}
	frame, err := encode(items)
	if err != nil {
		panic(err) // each of them was written by this package
	}
	return frame
}
