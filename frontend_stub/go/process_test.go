package stockade

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// spawn starts this test's program as a worker (TestMain has it), with this standard input.
func spawn(t *testing.T, input io.Reader, environment ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	said := &bytes.Buffer{}
	worker := exec.Command(os.Args[0])
	worker.Env = append(os.Environ(), append(environment, "STOCKADE_TEST_WORKER=1")...)
	worker.Stdin, worker.Stderr = input, said
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = worker.Process.Kill() })
	return worker, said
}

func status(t *testing.T, worker *exec.Cmd) int {
	t.Helper()
	timer := time.AfterFunc(generous, func() { _ = worker.Process.Kill() })
	defer timer.Stop()
	var exit *exec.ExitError
	if err := worker.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return worker.ProcessState.ExitCode()
}

// A program that no supervisor has started says in two lines what it is, and exits with 2.
func TestStartedByHand(t *testing.T) {
	worker, said := spawn(t, nil, "STOCKADE_SOCKETS=")
	if code := status(t, worker); code != 2 || bytes.Count(said.Bytes(), []byte("\n")) != 2 {
		t.Errorf("%d: %s", code, said)
	}
}

// At the lifeline's end a worker exits with 0 and without a word, also while it waits for the core.
func TestTheLifelineEnds(t *testing.T) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	place := t.TempDir()
	worker, said := spawn(t, theirs, "STOCKADE_PROTOCOL=1", "STOCKADE_WORKER=editor", "STOCKADE_GENERATION=1",
		"STOCKADE_SOCKETS=ipc://"+place, fmt.Sprintf("STOCKADE_CORE_PID=%d", os.Getpid()))
	if _, err := io.WriteString(ours, testSecret+"\n"); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		_, err := os.Stat(place + "/emits")
		return err == nil
	})
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	if code := status(t, worker); code != 0 || said.Len() > 0 {
		t.Errorf("%d: %s", code, said)
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > generous {
			t.Fatal("it does not come about")
		}
	}
}
