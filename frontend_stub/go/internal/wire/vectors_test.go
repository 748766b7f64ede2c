package wire_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stockade-runtime/frontend-go/internal/vectors"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

func TestEachDecodeVectorIsReadAsItsValue(t *testing.T) {
	for _, vector := range vectors.Load(t).Decode {
		t.Run(vector.Name, func(t *testing.T) {
			value, err := wire.Decode(vectors.Bytes(t, vector.Hex))
			if err != nil {
				t.Fatal(err)
			}
			if wanted := vectors.Value(t, vector.Value); !same(wanted, value) {
				t.Errorf("read as %#v, not as %#v", value, wanted)
			}
		})
	}
}

func TestEachEncodeVectorIsWrittenAsAnItemOfItsValue(t *testing.T) {
	for _, vector := range vectors.Load(t).Encode {
		t.Run(vector.Name, func(t *testing.T) {
			wanted := vectors.Value(t, vector.Value)
			message, err := wire.SayValue("item", 1, wanted, wire.Depth)
			if err != nil {
				t.Fatal(err)
			}
			value, err := wire.Decode(message.Head[len("\x83\x64item\x01"):])
			if err != nil {
				t.Fatal(err)
			}
			if !same(wanted, value) {
				t.Errorf("written as %#v, not as %#v", value, wanted)
			}
		})
	}
}

func TestEachRefuseVectorIsRefused(t *testing.T) {
	for _, vector := range vectors.Load(t).Refuse {
		t.Run(vector.Name, func(t *testing.T) {
			if value, err := wire.Decode(vectors.Bytes(t, vector.Hex)); err == nil {
				t.Errorf("read as %#v", value)
			}
		})
	}
}

func TestEachEventVectorIsReadOrRefused(t *testing.T) {
	for _, vector := range vectors.Load(t).Events {
		t.Run(vector.Name, func(t *testing.T) {
			_, err := wire.ReadEvent(vectors.Bytes(t, vector.Hex))
			if (err == nil) != vector.Valid {
				t.Errorf("valid: %v, but %v", vector.Valid, err)
			}
		})
	}
}

func TestEachEmitVectorThatIsValidIsWritten(t *testing.T) {
	for _, vector := range vectors.Load(t).Emits {
		if !vector.Valid {
			continue
		}
		t.Run(vector.Name, func(t *testing.T) {
			topic, body, _ := bytes.Cut(vectors.Bytes(t, vector.Hex), []byte("|"))
			value, err := wire.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			elements := value.([]any)
			to, trace := "", ""
			if len(elements) > 2 {
				options := elements[2].(map[string]any)
				to, _ = options["to"].(string)
				trace, _ = options["trace"].(string)
			}
			emit, err := wire.NewEmit(string(topic), elements[1], to, trace, wire.Depth)
			if err != nil {
				t.Fatal(err)
			}
			seq, _ := wire.Integer(elements[0])
			frame, err := emit.Frame(seq)
			if err != nil {
				t.Fatal(err)
			}
			_, written, _ := bytes.Cut(frame, []byte("|"))
			again, err := wire.Decode(written)
			if err != nil || !same(elements[1], again.([]any)[1]) {
				t.Errorf("written as %#v (%v)", again, err)
			}
		})
	}
}

func TestEachPatternVectorIsDecided(t *testing.T) {
	for _, vector := range vectors.Load(t).Patterns {
		t.Run(vector.Name, func(t *testing.T) {
			grant := wire.NewGrant(vector.Separator, vector.Allow, vector.Deny)
			allowed := false
			if vector.Prefix != "" {
				allowed = grant.Covers(vector.Prefix)
			} else {
				allowed = grant.Allows(vector.Asked)
			}
			if allowed != vector.Allowed {
				t.Errorf("%+v: %v", vector, allowed)
			}
		})
	}
}

func TestEachSubscriptionVectorThatIsValidIsATopicThatWeMake(t *testing.T) {
	for _, vector := range vectors.Load(t).Subscriptions {
		name := vector.Event + vector.Prefix
		if name == "" {
			continue
		}
		t.Run(vector.Name, func(t *testing.T) {
			topic, err := wire.TopicOf(name)
			if frame := vectors.Bytes(t, vector.Hex); err != nil || topic != string(frame[1:]) {
				t.Errorf("%q for %q (%v)", topic, frame, err)
			}
		})
	}
}

func same(wanted, value any) bool {
	if number, isFloat := wanted.(float64); isFloat && math.IsNaN(number) {
		other, isFloat := value.(float64)
		return isFloat && math.IsNaN(other)
	}
	switch wanted := wanted.(type) {
	case []any:
		array, isArray := value.([]any)
		if !isArray || len(array) != len(wanted) {
			return false
		}
		for index := range wanted {
			if !same(wanted[index], array[index]) {
				return false
			}
		}
		return true
	case map[string]any:
		table, isMap := value.(map[string]any)
		if !isMap || len(table) != len(wanted) {
			return false
		}
		for key := range wanted {
			other, there := table[key]
			if !there || !same(wanted[key], other) {
				return false
			}
		}
		return true
	case float64:
		other, isFloat := value.(float64)
		return isFloat && math.Float64bits(wanted) == math.Float64bits(other)
	}
	return reflect.DeepEqual(wanted, value)
}

func TestValuesThatTheProfileHasNoWordForAreNotSent(t *testing.T) {
	deep := any(0)
	for range wire.Depth + 1 {
		deep = []any{deep}
	}
	cases := map[string]any{
		"an integer of 64 bits without a sign": uint64(1 << 63), "a big integer": big.NewInt(1), "a time": time.Unix(0, 0),
		"text that is no UTF-8": "\xff", "such a key": map[string]any{"\xff": 1}, "a key that is a number": map[int]int{1: 1},
		"a function": func() {}, "what is too deep": deep, "such text in a struct": struct{ A string }{"\xff"},
		"a tag": cbor.Tag{Number: 1, Content: 1}, "a simple value": cbor.SimpleValue(99), "a channel of Go": make(chan int),
	}
	for name, value := range cases {
		t.Run(name, func(t *testing.T) {
			var fault *wire.EncodeError
			if _, err := wire.SayValue("item", 1, value, wire.Depth); !errors.As(err, &fault) {
				t.Errorf("%#v: %v", value, err)
			}
		})
	}
}

func TestTypesOfAProgramAreSentAsValuesOfTheProfile(t *testing.T) {
	type color string
	type point struct {
		X, Y  int
		Label *string `cbor:"label"`
		Hue   color   `cbor:"hue,omitempty"`
	}
	cases := map[string]struct{ given, wanted any }{
		"a struct":      {point{X: 1, Y: -1, Hue: "red"}, map[string]any{"X": int64(1), "Y": int64(-1), "label": nil, "hue": "red"}},
		"a slice":       {[]string{"a"}, []any{"a"}},
		"no slice":      {[]int(nil), []any{}},
		"a map":         {map[string]int{"a": 1}, map[string]any{"a": int64(1)}},
		"a pointer":     {&point{}, map[string]any{"X": int64(0), "Y": int64(0), "label": nil}},
		"a whole float": {1.0, 1.0},
		"bytes":         {[]byte{}, []byte{}},
		"an empty key":  {map[string]any{"": nil}, map[string]any{"": nil}},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			message, err := wire.SayValue("item", 1, each.given, wire.Depth)
			if err != nil {
				t.Fatal(err)
			}
			written, err := wire.Decode(message.Head)
			if err != nil || !same(each.wanted, written.([]any)[2]) {
				t.Errorf("%#v (%v)", written, err)
			}
		})
	}
}
