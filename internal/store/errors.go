package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

var (
	// ErrChanged says that a file is no longer the one whose bytes were verified: what is known of it is void.
	ErrChanged = errors.New("the file has changed")
	// ErrMissing says that a file is not where it was, or that nothing of it has been written.
	ErrMissing = errors.New("the file is missing")
	// ErrExists says that something that is not ours has the name a fetched file needs. It is never overwritten.
	ErrExists = errors.New("another file is in the way")
	// ErrNotDurable is returned by Finish for a file with bytes that no Sync has covered yet.
	ErrNotDurable = errors.New("the file has bytes that are not synced")
	// ErrShared is returned by whatever would write to a shared object.
	ErrShared = errors.New("a shared object is never written to")
)

// DiskError is a failure of the disk, of its permissions or of its space: nobody else is to blame.
type DiskError struct {
	Path string
	Op   string
	Err  error
}

func (e *DiskError) Error() string {
	// The system's own error names the operation and the path once more.
	var p *fs.PathError
	if errors.As(e.Err, &p) {
		return fmt.Sprintf("%s %s: %v", e.Op, e.Path, p.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err)
}

func (e *DiskError) Unwrap() error { return e.Err }

// IsFull reports whether the disk or the user's quota is full.
func (e *DiskError) IsFull() bool { return vfs.IsFull(e.Err) }

// ReadOnly reports whether the place may not be read or written to by us.
func (e *DiskError) ReadOnly() bool { return vfs.IsReadOnly(e.Err) }

// ErrorOf gives a failed operation its type: ErrMissing, ErrExists or a *DiskError, each with the path.
func ErrorOf(op, path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: %w", path, ErrMissing)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: %w", path, ErrExists)
	default:
		return &DiskError{Path: path, Op: op, Err: err}
	}
}
