package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

const (
	// Depth is how many containers may stand within each other, the outermost counted.
	Depth = 32
	// LargestID ends the protocol's own integers, where a double stops being exact.
	LargestID = 1<<53 - 1
)

// decoding refuses all that is not of the profile, but for one fault, a key that is null: Decode sees to it.
var (
	decoding        = must(strict(reflect.TypeFor[map[string]any]()).DecMode())
	decodingAnyKeys = must(strict(reflect.TypeFor[map[any]any]()).DecMode())
)

func strict(maps reflect.Type) cbor.DecOptions {
	return cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		IntDec:           cbor.IntDecConvertSignedOrFail,
		MaxNestedLevels:  Depth,
		MaxArrayElements: math.MaxInt32, // a frame's size bounds them, and the library allocates no more than it holds
		MaxMapPairs:      math.MaxInt32,
		DefaultMapType:   maps,
		UTF8:             cbor.UTF8RejectInvalid,
		SimpleValues:     onlyFalseTrueNull(),
	}
}

// encoding tags what the library would otherwise turn into a number or bytes without saying so (times, big integers):
// what has a tag is refused behind it.
var encoding = must(cbor.EncOptions{
	Sort:            cbor.SortNone,
	ShortestFloat:   cbor.ShortestFloatNone,
	BigIntConvert:   cbor.BigIntConvertNone,
	Time:            cbor.TimeRFC3339Nano,
	TimeTag:         cbor.EncTagRequired,
	IndefLength:     cbor.IndefLengthForbidden,
	NilContainers:   cbor.NilContainerAsEmpty,
	BinaryMarshaler: cbor.BinaryMarshalerNone,
}.EncMode())

func must[Mode any](mode Mode, err error) Mode {
	if err != nil {
		panic(err) // the options above contradict each other: no input can cause it
	}
	return mode
}

func onlyFalseTrueNull() *cbor.SimpleValueRegistry {
	var rules []func(*cbor.SimpleValueRegistry) error
	for number := range 256 {
		if number < 20 || number == 23 || number > 31 {
			rules = append(rules, cbor.WithRejectedSimpleValue(cbor.SimpleValue(number)))
		}
	}
	return must(cbor.NewSimpleValueRegistryFromDefaults(rules...))
}

// Decode reads the one value that data is: nil, bool, int64, float64, string, []byte, []any or map[string]any. An
// error is the sender's fault.
func Decode(data []byte) (any, error) {
	var value any
	if err := decoding.Unmarshal(data, &value); err != nil {
		return nil, err
	}
	if bytes.IndexByte(data, null) >= 0 && hasEmptyKey(value) {
		return value, checkKeys(data)
	}
	return value, nil
}

// null is how CBOR begins it. The library reads null as a map's key as if it were an empty text, where keys are text;
// so a map that has one is read once more with keys of any kind.
const null = 0xf6

func hasEmptyKey(value any) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, hasEmptyKey)
	case map[string]any:
		for key, item := range value {
			if key == "" || hasEmptyKey(item) {
				return true
			}
		}
	}
	return false
}

func checkKeys(data []byte) error {
	var value any
	if err := decodingAnyKeys.Unmarshal(data, &value); err != nil {
		return err
	}
	if hasNullKey(value) {
		return errors.New("a map's key that is null")
	}
	return nil
}

func hasNullKey(value any) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, hasNullKey)
	case map[any]any:
		for key, item := range value {
			if key == nil || hasNullKey(item) {
				return true
			}
		}
	}
	return false
}

// Convert decodes a value that has come, and is in the profile, once more: into what target points to.
func Convert(value any, target any) error {
	data, err := encoding.Marshal(value)
	if err != nil {
		return err
	}
	return decoding.Unmarshal(data, target)
}

// EncodeError says of a value that the profile cannot say it: the worker's own bug.
type EncodeError struct{ Reason string }

func (e *EncodeError) Error() string { return "a value that cannot be sent: " + e.Reason }

// Check says whether value can be sent where so many containers may stand within each other. Beside the types of the
// profile it takes whatever the encoder makes such values of: structs, slices, maps with text as keys, pointers.
func Check(value any, depth int) error {
	switch fault := plain(value, depth); {
	case fault == nil:
		return nil
	case !errors.Is(fault, errForeign):
		return fault
	}
	data, err := encoding.Marshal(value)
	if err != nil {
		return &EncodeError{err.Error()}
	}
	same, err := Decode(data)
	if err != nil {
		return &EncodeError{fmt.Sprintf("%T becomes what the protocol has no word for: %v", value, err)}
	}
	return plain(same, depth)
}

// encode writes what has been checked, or is of this package's making.
func encode(value any) ([]byte, error) {
	data, err := encoding.Marshal(value)
	if err != nil {
		return nil, &EncodeError{err.Error()}
	}
	return data, nil
}

// errForeign marks a value of a type that only the encoder knows.
var errForeign = errors.New("a type that is not the profile's own")

func plain(value any, depth int) error {
	switch value := value.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint8, uint16, uint32, float32, float64, []byte:
		return nil
	case uint:
		return checkUnsigned(uint64(value))
	case uint64:
		return checkUnsigned(value)
	case string:
		return checkText(value)
	case []any:
		return plainArray(value, depth-1)
	case map[string]any:
		return plainMap(value, depth-1)
	}
	return errForeign
}

func plainArray(array []any, depth int) error {
	if depth < 0 {
		return errDeep
	}
	for index, item := range array {
		if err := plain(item, depth); err != nil {
			return at(err, fmt.Sprintf("[%d]", index))
		}
	}
	return nil
}

func plainMap(pairs map[string]any, depth int) error {
	if depth < 0 {
		return errDeep
	}
	for key, item := range pairs {
		if err := checkText(key); err != nil {
			return err
		}
		if err := plain(item, depth); err != nil {
			return at(err, "."+key)
		}
	}
	return nil
}

var errDeep = &EncodeError{fmt.Sprintf("more than %d containers within each other", Depth)}

func at(err error, place string) error {
	var fault *EncodeError
	if errors.As(err, &fault) && fault != errDeep {
		return &EncodeError{place + ": " + fault.Reason}
	}
	return err
}

func checkUnsigned(value uint64) error {
	if value > math.MaxInt64 {
		return &EncodeError{"an integer that does not fit into 64 bits with a sign"}
	}
	return nil
}

func checkText(value string) error {
	if !utf8.ValidString(value) {
		return &EncodeError{"text that is not UTF-8; send it as []byte"}
	}
	return nil
}

// Integer is the protocol's own integer that value is, if it is one: 0 to 2^53-1, a whole float too.
func Integer(value any) (int64, bool) {
	switch value := value.(type) {
	case int64:
		return value, value >= 0 && value <= LargestID
	case float64:
		return int64(value), value >= 0 && value <= LargestID && value == math.Trunc(value)
	}
	return 0, false
}
