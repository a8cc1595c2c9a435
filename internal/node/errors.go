package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// The exit codes of the command line, which are also how the library and the API say whose fault an error is.
const (
	ExitFailed  = 1
	ExitUsage   = 2
	ExitPartly  = 3
	ExitNobody  = 4
	ExitBlocked = 5
	ExitVerify  = 6
	ExitDisk    = 7
	ExitNoNode  = 9

	ExitInterrupted = 130
)

// Error tells a user what happened, why, and what to do next.
type Error struct {
	Code    string // for programs, such as "disk-full"
	Message string // what happened and why
	Hint    string // what to do next; may be empty
	Exit    int
	Err     error // the cause; may be nil
}

func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// LockedError says that another node holds the home.
type LockedError struct {
	Home string
	Err  error
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("another potluck is running with the home %s", e.Home)
}

// Unwrap is the cause.
func (e *LockedError) Unwrap() error { return e.Err }

// explain turns any error of the rooms below into one that a user understands.
func explain(err error) *Error {
	var (
		own      *Error
		disk     *store.DiskError
		catDisk  *catalog.DiskError
		lie      *metainfo.Error
		ambig    *catalog.AmbiguousError
		damaged  *catalog.DamagedError
		newer    *catalog.NewerError
		url      *netx.URLError
		conflict *catalog.InvalidError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled):
		return &Error{"interrupted", "interrupted", "", ExitInterrupted, err}
	case errors.As(err, &disk):
		return explainDisk(disk)
	case errors.Is(err, store.ErrChanged):
		return &Error{"changed", err.Error(), "the file is not what was shared; potluck verify --accept takes the new version", ExitVerify, err}
	case errors.Is(err, store.ErrMissing):
		return &Error{"missing", err.Error(), "put the file back, remove the object with potluck rm, or of a share take what is left with potluck verify --accept", ExitDisk, err}
	case errors.As(err, &catDisk) && catDisk.Full:
		return &Error{"disk-full", err.Error(), "free some space where potluck keeps its state and try again", ExitDisk, err}
	case errors.As(err, &catDisk):
		return &Error{"disk", err.Error(), "check the disk where potluck keeps its state", ExitDisk, err}
	case errors.As(err, &lie):
		return &Error{"damaged-torrent", "this torrent is not valid: " + lie.Field + ": " + lie.Reason, "get it again from where it came", ExitFailed, err}
	case errors.As(err, &ambig):
		return &Error{"ambiguous", err.Error(), "type more of the id", ExitUsage, err}
	case errors.Is(err, catalog.ErrNotFound):
		return &Error{"not-found", "no such object", "potluck ls shows the ids", ExitFailed, err}
	case errors.As(err, &newer):
		return &Error{"newer-home", err.Error(), "use that version, or another --home", ExitFailed, err}
	case errors.As(err, &damaged):
		return &Error{"damaged-home", err.Error(), "a backup lies beside it", ExitFailed, err}
	case errors.As(err, &url):
		return &Error{"refused-url", err.Error(), "", ExitFailed, err}
	case errors.As(err, &conflict):
		return &Error{"invalid", err.Error(), "", ExitUsage, err}
	case errors.Is(err, link.ErrNotALink):
		return &Error{"not-a-link", err.Error(), "give a magnet link, a .torrent file or URL, or an info-hash", ExitUsage, err}
	case errors.Is(err, fs.ErrNotExist):
		return &Error{"no-such-file", err.Error(), "check the path", ExitDisk, err}
	case errors.Is(err, fs.ErrPermission):
		return &Error{"permission", err.Error(), "check who may read and write there", ExitDisk, err}
	}
	return &Error{"failed", err.Error(), "", ExitFailed, err}
}

func explainDisk(err *store.DiskError) *Error {
	e := &Error{Code: "disk", Message: err.Error(), Hint: "check the disk, then run the same command again: it goes on where it stopped", Exit: ExitDisk, Err: err}
	switch {
	case err.IsFull():
		e.Code = "disk-full"
		e.Hint = "free some space, then run the same command again: it goes on where it stopped"
	case err.ReadOnly() && err.Op == "open" && !errors.Is(err, syscall.EROFS):
		e.Code, e.Hint = "permission", "change who may read it, or leave it out"
	case err.ReadOnly():
		e.Code = "read-only"
		e.Hint = "choose a folder that can be written to with -o, or change who may write there"
	case errors.Is(err, fs.ErrNotExist):
		e.Code, e.Hint = "no-such-file", "check the path"
	case errors.Is(err, fs.ErrPermission):
		e.Code, e.Hint = "permission", "change who may read it, or leave it out"
	}
	return e
}
