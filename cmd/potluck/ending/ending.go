// Package ending is how commands end: the errors that are theirs and not the node's, and the code to exit with when some of what was
// asked for went well.
package ending

import (
	"fmt"

	"github.com/potluck-p2p/potluck"
)

// Usage is the error of a command that makes no sense.
func Usage(hint, format string, args ...any) error {
	return &potluck.Error{Code: potluck.CodeUsage, Message: fmt.Sprintf(format, args...), Hint: hint, Exit: potluck.ExitUsage}
}

// Disk is the error of a file that the user named.
func Disk(what string, err error) error {
	return &potluck.Error{
		Code: "disk", Message: fmt.Sprintf("%s: %v", what, err), Hint: "check the path, and who may read and write there", Exit: potluck.ExitDisk, Err: err,
	}
}

// Interrupted is the end of a command that was not done.
func Interrupted(format string, args ...any) error {
	return &potluck.Error{Code: potluck.CodeInterrupted, Message: "interrupted", Hint: fmt.Sprintf(format, args...), Exit: potluck.ExitInterrupted}
}

// Exit ends a command with a code when all has been said already.
type Exit int

func (e Exit) Error() string { return "see above" }

// Tally is how several things asked for in one command went.
type Tally struct {
	OK    int
	codes []int // of those that failed
}

// Failed counts something that failed with a code.
func (t *Tally) Failed(code int) { t.codes = append(t.codes, code) }

// Exit is the end of the command: partly done if some failed; if all did, the code that the first one failed with.
func (t *Tally) Exit() error {
	switch {
	case len(t.codes) == 0:
		return nil
	case t.OK > 0:
		return Exit(potluck.ExitPartly)
	}
	return Exit(t.codes[0])
}
