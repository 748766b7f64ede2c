package wire

import (
	"fmt"
	"math"
	"strings"
)

// reader reads elements of one message, and keeps the first fault that it meets.
type reader struct {
	elements []any
	fault    string
}

func (r *reader) refuse(fault string) {
	if r.fault == "" {
		r.fault = fault
	}
}

func (r *reader) element(index int) any {
	if index >= len(r.elements) {
		r.refuse("an element missing")
		return nil
	}
	return r.elements[index]
}

func (r *reader) number(index int) int64 { return r.whole(r.element(index)) }

func (r *reader) whole(element any) int64 {
	number, fits := Integer(element)
	if !fits {
		r.refuse("what should be an integer of the protocol and is none")
	}
	return number
}

func (r *reader) positive(index int) int64 {
	number := r.number(index)
	if number == 0 {
		r.refuse("a count of 0")
	}
	return number
}

func (r *reader) rate(element any) float64 {
	var rate float64
	switch number := element.(type) {
	case int64:
		rate = float64(number)
	case float64:
		rate = number
	}
	if !(rate > 0) || math.IsInf(rate, 0) {
		r.refuse("a rate that is no number of calls per second")
	}
	return rate
}

func (r *reader) text(element any) string {
	text, isText := element.(string)
	if !isText {
		r.refuse("what should be text and is none")
	}
	return text
}

func (r *reader) texts(element any) []string {
	array, isArray := element.([]any)
	if !isArray {
		r.refuse("what should be an array and is none")
	}
	texts := make([]string, len(array))
	for index, text := range array {
		texts[index] = r.text(text)
	}
	return texts
}

func (r *reader) table(element any) map[string]any {
	table, isMap := element.(map[string]any)
	if !isMap {
		r.refuse("what should be a map and is none")
	}
	return table
}

func (r *reader) within(element any, key string) any { return r.table(element)[key] }

func (r *reader) options(element any) map[string]any {
	options := r.table(element)
	if name := insisting(options); name != "" {
		r.refuse(fmt.Sprintf("an option that insists and is not known here, %q", name))
	}
	return options
}

func insisting(options map[string]any) string {
	for name := range options {
		if strings.HasPrefix(name, "!") {
			return name
		}
	}
	return ""
}

// raw is the index of the frame that stands for value, if the options at index say that there is one.
func (r *reader) raw(index int, value any) int64 {
	if len(r.elements) <= index {
		return 0
	}
	raw, given := r.options(r.elements[index])["raw"]
	if !given {
		return 0
	}
	frame := r.whole(raw)
	if frame == 0 || value != nil {
		r.refuse("a raw frame that there is not, or beside another value")
	}
	return frame
}
