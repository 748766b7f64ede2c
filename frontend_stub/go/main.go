package stockade

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Main is the whole of a worker: it connects, does the work, takes leave, and exits the process: with 0 if the work
// returns nil, with the status of an [*Ended], with 1 and a line on standard error for any other error. The context is
// done when the conversation is over.
func Main(work func(ctx context.Context, core *Core) error, options ...ConnectOption) {
	os.Exit(Status(run(work, options)))
}

func run(work func(ctx context.Context, core *Core) error, options []ConnectOption) error {
	core, err := Connect(context.Background(), options...)
	if err != nil {
		return err
	}
	err = work(core.context, core)
	return errors.Join(err, core.Close())
}

// Status is the exit status that fits an error, which is said on standard error unless that has been done.
func Status(err error) int {
	var ended *Ended
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.Status
	}
	fmt.Fprintf(os.Stderr, "stockade: this worker ends: %v\n", err)
	return 1
}
