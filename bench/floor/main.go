// Command floor does the work that is measured and nothing else: no protocol, nobody to meet, nothing that may go wrong. It is
// what a client can hope to come near to.
//
//	floor serve HOST:PORT DIR LIST           sends the files of LIST, one behind the other, to the first who connects
//	floor fetch HOST:PORT DIR LIST HASH      receives, hashes and writes them
//	floor hash FORMAT FILE                   hashes a file as a torrent of that format (v1, v2, hybrid) has it, on all processors
//
// A LIST has a line for each file, its size and its path below DIR. HASH is sha1 (of each MiB) or sha256 (the tree of 16 KiB
// leaves of each MiB, as BEP 52 has it).
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("see the package comment")

// run does what the first argument says with the others.
func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	for _, c := range []struct {
		name  string
		takes int
		do    func(args []string) error
	}{
		{"serve", 3, serve},
		{"fetch", 4, fetch},
		{"hash", 2, hash},
	} {
		if c.name == args[0] && c.takes == len(args)-1 {
			return c.do(args[1:])
		}
	}
	return errUsage
}
