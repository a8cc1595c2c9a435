package potluck

import (
	"context"
	"errors"
)

// How a command that ends with an error leaves: what kind of trouble it was, and whose. Error.Exit is one of these.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2 // the request makes no sense
	ExitPartly      = 3 // some of several things failed
	ExitNobody      = 4 // nobody has it
	ExitBlocked     = 5 // the network is in the way
	ExitVerify      = 6 // content is not what it should be
	ExitDisk        = 7 // the disk or a permission
	ExitNoNode      = 9 // there is no node to ask
	ExitInterrupted = 130
)

// Codes of errors that a program may want to tell apart. There are others.
const (
	CodeFailed      = "failed"
	CodeUsage       = "usage"
	CodeNotFound    = "not-found"
	CodeAmbiguous   = "ambiguous"
	CodeLocked      = "locked" // another node holds the home
	CodeNotALink    = "not-a-link"
	CodeNoSource    = "no-source"
	CodeDiskFull    = "disk-full"
	CodeNoNode      = "no-node"
	CodeInterrupted = "interrupted"
)

// Error is what went wrong, for people and for programs. All errors of this package are of this type.
type Error struct {
	Code    string // for programs, as in the constants
	Message string // what happened and why
	Hint    string // what to do next; may be empty
	Exit    int    // one of the Exit constants
	Err     error  // the cause; may be nil
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError is err as an *Error, whatever it was; nil stays nil.
func AsError(err error) *Error {
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled):
		return &Error{Code: CodeInterrupted, Message: "interrupted", Exit: ExitInterrupted, Err: err}
	}
	return &Error{Code: CodeFailed, Message: err.Error(), Exit: ExitFailed, Err: err}
}
