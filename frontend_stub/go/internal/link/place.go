// Package link is what the supervisor gave this process, and the three sockets of its link to the core
// (docs/protocol.md, sections 2 and 3). It knows no message, and nothing in it waits but Poll.
package link

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/stockade-runtime/frontend-go/internal/session"
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// Place is this worker's place: who it is, where its sockets belong, and what ends it when it ends.
type Place struct {
	Label      string
	Generation int64
	Lifeline   *os.File
	sockets    string
	secret     string
}

var secretLine = regexp.MustCompile(`^[0-9a-f]{64}\n$`)

// TakePlace reads the environment and the secret, and keeps standard input as the lifeline: descriptor 0 is /dev/null
// from then on. Its error is an *session.Ended.
func TakePlace() (*Place, error) {
	place, err := readEnvironment()
	if err != nil {
		return nil, err
	}
	if os.Getenv("STOCKADE_DEBUGGABLE") != "1" {
		// Close this process's memory and descriptors to its siblings of the same user.
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return nil, byHand("prctl(PR_SET_DUMPABLE) was refused: " + err.Error())
		}
	}
	if place.Lifeline, err = takeStandardInput(); err != nil {
		return nil, err
	}
	place.secret, err = readSecret(place.Lifeline)
	return place, err
}

func readEnvironment() (*Place, error) {
	for _, name := range []string{"STOCKADE_SOCKETS", "STOCKADE_PROTOCOL", "STOCKADE_WORKER", "STOCKADE_GENERATION"} {
		if os.Getenv(name) == "" {
			return nil, byHand(name + " is not set")
		}
	}
	if spoken := os.Getenv("STOCKADE_PROTOCOL"); spoken != strconv.Itoa(wire.Protocol) {
		return nil, &session.Ended{Status: session.StatusByHand, Reason: fmt.Sprintf(
			"the core speaks version %s of the protocol, this stub version %d.\nBuild this worker with the stub that belongs "+
				"to the runtime.", spoken, wire.Protocol)}
	}
	generation, err := strconv.ParseInt(os.Getenv("STOCKADE_GENERATION"), 10, 64)
	if err != nil {
		return nil, byHand("STOCKADE_GENERATION is no number")
	}
	return &Place{
		Label: os.Getenv("STOCKADE_WORKER"), Generation: generation, sockets: os.Getenv("STOCKADE_SOCKETS"),
	}, nil
}

func byHand(why string) error {
	return &session.Ended{Status: session.StatusByHand, Reason: "this program is a Stockade worker: the supervisor that " +
		"starts it gives it its sockets, and here is none (" + why + ").\n" +
		"Name it as `run` of a [[worker]] in stockade.toml, and start that with `stockade run`."}
}

// takeStandardInput moves it out of the way, so that no child inherits the lifeline and nobody else reads from it.
func takeStandardInput() (*os.File, error) {
	lifeline, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, byHand("standard input is closed")
	}
	var status unix.Stat_t
	if err := unix.Fstat(lifeline, &status); err != nil {
		return nil, byHand("standard input cannot be looked at")
	}
	// A terminal would never end, and /dev/null at once, unsaid.
	if kind := status.Mode & unix.S_IFMT; kind != unix.S_IFIFO && kind != unix.S_IFSOCK {
		return nil, byHand("standard input is no pipe, which would bring the secret")
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, byHand("there is no " + os.DevNull)
	}
	if err := unix.Dup3(null, 0, 0); err != nil {
		return nil, byHand("standard input cannot be replaced")
	}
	return os.NewFile(uintptr(lifeline), "lifeline"), unix.Close(null)
}

// readSecret reads the first line. Byte by byte: what stands behind it, if ever, is not this function's to take.
func readSecret(lifeline io.Reader) (string, error) {
	var line []byte
	for len(line) < 65 && (len(line) == 0 || line[len(line)-1] != '\n') {
		var next [1]byte
		if _, err := io.ReadFull(lifeline, next[:]); err != nil {
			return "", &session.Ended{Status: 0, Reason: "the supervisor has gone before it gave the secret"}
		}
		line = append(line, next[0])
	}
	if !secretLine.Match(line) {
		return "", byHand("the first line of standard input is no secret")
	}
	return string(line[:64]), nil
}

// AwaitEnd waits for the lifeline's end.
func (p *Place) AwaitEnd() {
	buffer := make([]byte, 64)
	for {
		if _, err := p.Lifeline.Read(buffer); err != nil {
			return
		}
	}
}

// At is a place that no supervisor has given: for tests.
func At(label string, generation int64, sockets, secret string, lifeline *os.File) *Place {
	return &Place{Label: label, Generation: generation, sockets: sockets, secret: secret, Lifeline: lifeline}
}
