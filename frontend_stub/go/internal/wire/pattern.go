package wire

import "strings"

// Grant is what a worker may name: patterns that allow and patterns that deny, over whole segments.
//
// It decides nothing that counts, since the core checks everything again. It is here so that a worker's author has a
// clear error at once, and before an emit, which has no answer.
type Grant struct {
	Allow, Deny []string
	separator   string
	allow, deny [][]string
	decided     map[string]bool
}

// remembered bounds the decisions that are kept: names come from the worker, but may be made up without end.
const remembered = 1024

// NewGrant makes a grant over names whose segments the separator joins.
func NewGrant(separator string, allow, deny []string) *Grant {
	return &Grant{
		Allow: allow, Deny: deny, separator: separator,
		allow: splitAll(allow, separator), deny: splitAll(deny, separator), decided: map[string]bool{},
	}
}

func splitAll(patterns []string, separator string) [][]string {
	split := make([][]string, len(patterns))
	for index, pattern := range patterns {
		split[index] = strings.Split(pattern, separator)
	}
	return split
}

// Allows says whether an allowed pattern matches the name, and no denied one.
func (g *Grant) Allows(name string) bool {
	if decided, known := g.decided[name]; known {
		return decided
	}
	if len(g.decided) >= remembered {
		clear(g.decided)
	}
	segments := strings.Split(name, g.separator)
	allowed := anyOf(g.allow, segments, matches) && !anyOf(g.deny, segments, matches)
	g.decided[name] = allowed
	return allowed
}

// Covers says whether one allowed pattern matches every name that begins with the prefix, which ends in the
// separator, and no denied pattern matches any.
func (g *Grant) Covers(prefix string) bool {
	segments := strings.Split(strings.TrimSuffix(prefix, g.separator), g.separator)
	return anyOf(g.allow, segments, covers) && !anyOf(g.deny, segments, meets)
}

func anyOf(patterns [][]string, segments []string, holds func(pattern, segments []string) bool) bool {
	for _, pattern := range patterns {
		if holds(pattern, segments) {
			return true
		}
	}
	return false
}

// A pattern is an automaton: its states are positions in it, and the one past its end is where it accepts. Whether it
// stands at a position is a place in a slice.
type standing []bool

func begin(pattern []string) standing {
	state := make(standing, len(pattern)+1)
	state[0] = true
	return state.settled(pattern)
}

// settled adds the positions that are reached by letting ** stand for nothing.
func (s standing) settled(pattern []string) standing {
	for position, segment := range pattern {
		if s[position] && segment == "**" {
			s[position+1] = true
		}
	}
	return s
}

// step is where the pattern stands behind one more segment; known is false for a segment that no pattern names.
func (s standing) step(pattern []string, segment string, known bool) standing {
	next := make(standing, len(s))
	for position, wanted := range pattern {
		switch {
		case !s[position]:
		case wanted == "**":
			next[position] = true
		case wanted == "*" || (known && wanted == segment):
			next[position+1] = true
		}
	}
	return next.settled(pattern)
}

func (s standing) accepts() bool { return s[len(s)-1] }

func (s standing) key() string {
	key := make([]byte, len(s))
	for position, stands := range s {
		if stands {
			key[position] = 1
		}
	}
	return string(key)
}

func after(pattern, segments []string) standing {
	state := begin(pattern)
	for _, segment := range segments {
		state = state.step(pattern, segment, true)
	}
	return state
}

func matches(pattern, segments []string) bool { return after(pattern, segments).accepts() }

// covers says whether the pattern matches whatever one or more segments follow: if it does so for segments that it
// does not name, it does so for all.
func covers(pattern, segments []string) bool {
	state, seen := after(pattern, segments), map[string]bool{}
	for !seen[state.key()] {
		seen[state.key()] = true
		if state = state.step(pattern, "", false); !state.accepts() {
			return false
		}
	}
	return true
}

// meets says whether the pattern matches anything at all that has one or more segments behind these.
func meets(pattern, segments []string) bool {
	state := after(pattern, segments)
	for position := range pattern {
		if state[position] {
			return true
		}
	}
	return false
}
