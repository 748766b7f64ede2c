// The worker: a process of its own that shares nothing with the core, and can do no more than ask it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	stockade "github.com/stockade-runtime/frontend-go"
)

func main() { stockade.Main(work) }

func work(ctx context.Context, core *stockade.Core) error {
	if _, err := core.Listen(ctx, "guests/signed", signed); err != nil {
		return err
	}
	if err := core.Ready(); err != nil {
		return err
	}
	guests, err := stockade.As[int](core.Invoke(ctx, "guests.sign", stockade.Args{"name": "@@label"}))
	if err != nil {
		return err
	}
	fmt.Println("guests:", guests)
	var refusal *stockade.CommandError
	if _, err := core.Invoke(ctx, "guests.clear", nil); errors.As(err, &refusal) {
		fmt.Println("refused:", refusal.Code)
	} else if err != nil {
		return err
	}
	return core.Run(ctx) // until the supervisor asks to stop
}

func signed(_ context.Context, event stockade.Event) {
	guest, err := stockade.As[struct{ Name string }](event.Payload, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, "no guest:", err)
		return
	}
	fmt.Println(guest.Name, "has signed")
}
