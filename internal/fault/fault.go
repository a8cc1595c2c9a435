// Package fault is what a user is told when something goes wrong: what happened and why, what to do next, and whose fault it
// was. It holds the one place where the errors of the rooms below become such words (Explain), so that the same trouble
// reads the same wherever it is met.
//
// The rooms below return errors typed by who is to blame (store.DiskError, metainfo.Error, ...) and know nothing of users;
// those above return an [*Error] of their own where they know better than Explain what to say.
package fault

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
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
	Exit    int    // one of the Exit constants
	Err     error  // the cause; may be nil
}

func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error; exit is one of the Exit constants, hint and cause may be empty.
func New(exit int, code, message, hint string, cause error) *Error {
	return &Error{Code: code, Message: message, Hint: hint, Exit: exit, Err: cause}
}

// Usage makes the error of a request that makes no sense.
func Usage(message, hint string, cause error) *Error {
	return New(ExitUsage, "usage", message, hint, cause)
}

// Explain turns any error of the rooms below into one that a user understands.
func Explain(err error) *Error {
	var (
		own      *Error
		disk     *store.DiskError
		catDisk  *catalog.DiskError
		lie      *metainfo.Error
		ambig    *catalog.AmbiguousError
		damaged  *catalog.DamagedError
		newer    *catalog.NewerError
		url      *urls.Error
		noWay    *netx.NoWayError
		conflict *catalog.InvalidError
		path     *fs.PathError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled):
		return New(ExitInterrupted, "interrupted", "interrupted", "", err)
	case errors.As(err, &disk):
		return explainDisk(disk)
	case errors.Is(err, store.ErrChanged):
		return New(ExitVerify, "changed", err.Error(), "potluck verify reads it, and goes on if every byte is what it was; of a share, --accept takes the new version", err)
	case errors.Is(err, store.ErrMissing):
		return New(ExitDisk, "missing", err.Error(), "put the file back, remove the object with potluck rm, or of a share take what is left with potluck verify --accept", err)
	case errors.As(err, &catDisk) && catDisk.Full:
		return New(ExitDisk, "disk-full", catDisk.Error(), "free some space there, or keep potluck's state elsewhere with --home, and run the same command again", err)
	case errors.As(err, &catDisk):
		return New(ExitDisk, "disk", catDisk.Error(), "check the disk and who may write there, or keep potluck's state elsewhere with --home", err)
	case errors.As(err, &lie):
		return New(ExitFailed, "damaged-torrent", "this torrent is not valid: "+lie.Field+": "+lie.Reason, "get it again from where it came", err)
	case errors.As(err, &ambig):
		return New(ExitUsage, "ambiguous", err.Error(), "type more of the id", err)
	case errors.Is(err, catalog.ErrNotFound):
		return New(ExitFailed, "not-found", "no such object", "potluck ls shows the ids", err)
	case errors.As(err, &newer):
		return New(ExitFailed, "newer-home", err.Error(), "use that version, or another --home", err)
	case errors.As(err, &damaged):
		hint := "move it away to begin with an empty list, or use another --home; the files that were listed are not touched"
		if damaged.Backup {
			hint = "end potluck and start it again: it takes the backup"
		}
		return New(ExitFailed, "damaged-home", err.Error(), hint, err)
	case errors.As(err, &noWay):
		return New(ExitBlocked, "network-blocked", noWay.Error()+", and nothing is sent by another way",
			"see to it that it works, or change net.bind or net.proxy (potluck config explain)", err)
	case errors.Is(err, netx.ErrFarName):
		return New(ExitUsage, "far-name", err.Error(), "give an address instead of the name", err)
	case errors.As(err, &url):
		return New(ExitFailed, "refused-url", err.Error(), "", err)
	case errors.As(err, &conflict):
		return New(ExitUsage, "invalid", err.Error(), "", err)
	case errors.Is(err, link.ErrNotALink):
		return New(ExitUsage, "not-a-link", err.Error(), "give a magnet link, a .torrent file or URL, or an info-hash", err)
	case errors.Is(err, fs.ErrNotExist):
		return New(ExitDisk, "no-such-file", err.Error(), "check the path", err)
	case errors.Is(err, fs.ErrPermission):
		return New(ExitDisk, "permission", err.Error(), "check who may read and write there", err)
	}
	if errors.As(err, &path) {
		if d := (&store.DiskError{Op: path.Op, Path: path.Path, Err: path.Err}); d.IsFull() || d.ReadOnly() || errors.Is(d, syscall.EIO) {
			return explainDisk(d)
		}
	}
	return New(ExitFailed, "failed", netx.Reason(err), "", err)
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
