// Package wire says what stands in the frames of a Stockade worker: the strict profile of CBOR, the shapes of messages
// and of events, names, topics and patterns (docs/protocol.md, sections 4, 5, 7 and 8).
//
// It knows no conversation: what a message does, and when it may come, is the session's.
package wire
