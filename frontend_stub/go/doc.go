// Package stockade is what a Go worker of a Stockade application imports: it takes what the supervisor gave the process,
// lets the core connect, and turns the protocol into calls, channels and events.
//
// A [Core] is safe for concurrent use by goroutines. Values are what CBOR and Go have in common: nil, bool, integers of
// 64 bits, float64, string, []byte, slices and maps with text as keys; structs are maps (tags as `cbor:"name"`). What
// comes is nil, bool, int64, float64, string, []byte, []any or map[string]any; [As] makes something typed of it.
package stockade

// Version is this stub's, in step with the protocol's.
const Version = "0.1.0"
