// Command potluck shares files where they lie and fetches them by link. It has one file per command: its flags, what it asks
// the node for, what it prints. The node is another process or, with none running, a part of this one; commands speak to
// both through the client of the API.
//
// Below it: session (how a command gets to a node), output (where it speaks), words and lines (what it says, to people and to
// programs), ending (how it ends).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	// The first signal asks, the second one ends the process as usual.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}
