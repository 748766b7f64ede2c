// Package session is one worker's side of the conversation: what it may say, what it awaits, what the core's messages
// mean (docs/protocol.md, sections 5, 6, 9 and 10).
//
// Frames go in and come out. It knows no socket, clock, goroutine or user of the stub: the time is an argument, and
// whoever has a Session sees to it that nobody else touches it meanwhile.
package session
