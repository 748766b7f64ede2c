// Package vectors reads docs/vectors.json, the contract that every stub is tested against.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// All is the file; sections that only a core is tested against are left out.
type All struct {
	Decode, Encode, Refuse []Item
	Messages               []Message
	Events, Emits          []Frame
	Subscriptions          []Subscription
	Patterns               []Pattern
	Conversation           []Conversation
}

// Item is bytes, and the value that they are.
type Item struct {
	Name, Hex string
	Value     json.RawMessage
}

// Message is a batch, From a worker or the core, and the raw Frames behind it.
type Message struct {
	Name, From, Hex string
	Valid           bool
	Frames          []string
	Value           json.RawMessage
}

// Frame is one of the events or the emits socket.
type Frame struct {
	Name, Hex string
	Valid     bool
}

// Subscription is a frame that subscribes to an Event or a Prefix, or to neither.
type Subscription struct{ Name, Hex, Event, Prefix string }

// Pattern asks whether a name, or the whole of a prefix, is Allowed.
type Pattern struct {
	Name, Separator, Asked, Prefix string
	Allow, Deny                    []string
	Allowed                        bool
}

// Conversation is a script, and what Ends it: null if nothing does.
type Conversation struct {
	Name  string
	Live  bool
	Steps []Step
	Ends  json.RawMessage
}

// Step is what one side says.
type Step struct{ Worker, Core *Said }

// Said is a batch of the worker's or messages of the core's, as values, on a Socket.
type Said struct {
	Socket, Topic   string
	Batch, Messages []json.RawMessage
	Body            json.RawMessage
	Raw             []string
	Frames          []string
	Granted         json.RawMessage
	Subscribe       string
	Close           json.RawMessage
}

// Load reads the file.
func Load(t *testing.T) *All {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../../docs/vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := &All{}
	if err := json.Unmarshal(data, all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Bytes are what these hexadecimal digits say.
func Bytes(t *testing.T, digits string) []byte {
	t.Helper()
	data, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Value is a value as the file writes it (docs/protocol.md, section 11).
func Value(t *testing.T, notation json.RawMessage) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(notation))
	decoder.UseNumber()
	var written any
	if err := decoder.Decode(&written); err != nil {
		t.Fatal(err)
	}
	return value(t, written)
}

func value(t *testing.T, written any) any {
	t.Helper()
	switch written := written.(type) {
	case json.Number:
		return integer(t, written.String())
	case []any:
		array := make([]any, len(written))
		for index, item := range written {
			array[index] = value(t, item)
		}
		return array
	case map[string]any:
		if special, isSpecial := marked(t, written); isSpecial {
			return special
		}
		table := make(map[string]any, len(written))
		for key, item := range written {
			table[key] = value(t, item)
		}
		return table
	}
	return written
}

// marked is what an object with one key that begins with a dollar says.
func marked(t *testing.T, object map[string]any) (any, bool) {
	t.Helper()
	for key, said := range object {
		if len(object) != 1 {
			break
		}
		switch key {
		case "$bytes":
			return Bytes(t, said.(string)), true
		case "$int":
			return integer(t, said.(string)), true
		case "$float":
			number, err := strconv.ParseFloat(said.(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			return number, true
		case "$map":
			table := map[string]any{}
			for _, pair := range said.([]any) {
				table[pair.([]any)[0].(string)] = value(t, pair.([]any)[1])
			}
			return table, true
		}
	}
	return nil, false
}

func integer(t *testing.T, digits string) int64 {
	t.Helper()
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}
