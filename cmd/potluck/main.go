// Command potluck shares files where they lie and fetches them by link. It has one file per command: its flags, what it asks
// the node for, what it prints. The node is another process or, with none running, a part of this one; commands speak to
// both through the client of the API (see session).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks, the second one ends the process as usual.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}
