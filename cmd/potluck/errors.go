package main

import (
	"fmt"

	"github.com/potluck-p2p/potluck"
)

// usage is the error of a command that makes no sense.
func usage(hint, format string, args ...any) error {
	return &potluck.Error{Code: potluck.CodeUsage, Message: fmt.Sprintf(format, args...), Hint: hint, Exit: potluck.ExitUsage}
}

// diskError is the error of a file that the user named.
func diskError(what string, err error) error {
	return &potluck.Error{
		Code: "disk", Message: fmt.Sprintf("%s: %v", what, err), Hint: "check the path, and who may read and write there", Exit: potluck.ExitDisk, Err: err,
	}
}

// tally is how several things asked for in one command went.
type tally struct {
	ok    int
	codes []int // of those that failed
}

func (t *tally) failed(code int) { t.codes = append(t.codes, code) }

// exit is the end of the command: partly done if some failed; if all did, the code that the first one failed with.
func (t *tally) exit() error {
	switch {
	case len(t.codes) == 0:
		return nil
	case t.ok > 0:
		return exit(potluck.ExitPartly)
	}
	return exit(t.codes[0])
}
