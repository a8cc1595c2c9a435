// Package home is the folder of a node's state: one node at a time has it, and the catalog in it opens even if it was damaged,
// with the last good state.
package home

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Home is the folder of a node's state, locked and with its catalog open.
type Home struct {
	Dir     string
	Catalog *catalog.Catalog
	lock    io.Closer
}

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

// Open takes a folder, which is made if it is not there, and opens the catalog in it. If another node has it, that is a
// *LockedError.
func Open(ctx context.Context, fsys vfs.FS, dir string, log *slog.Logger) (*Home, error) {
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, diskError("make", dir, err)
	}
	lock, err := vfs.LockFile(filepath.Join(dir, "lock"))
	if errors.Is(err, vfs.ErrLocked) {
		return nil, &LockedError{Home: dir, Err: err}
	}
	if err != nil {
		return nil, diskError("open", dir, err)
	}
	c, err := openCatalog(ctx, fsys, dir, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Home{Dir: dir, Catalog: c, lock: lock}, nil
}

// diskError is the error of a folder that cannot be a home; the disk or its permissions are to blame, as they are when the
// catalog cannot be written.
func diskError(op, dir string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err // the rest of it is said already
	}
	return &catalog.DiskError{Op: op, Path: dir, Full: vfs.IsFull(err), Err: err}
}

// Close closes the catalog and lets others have the folder.
func (h *Home) Close() error { return errors.Join(h.Catalog.Close(), h.lock.Close()) }

// openCatalog opens the catalog; a damaged one is replaced by its backup, and kept.
func openCatalog(ctx context.Context, fsys vfs.FS, dir string, log *slog.Logger) (*catalog.Catalog, error) {
	path := filepath.Join(dir, "catalog.db")
	c, err := catalog.Open(ctx, path, cryptorand.Reader)
	var damaged *catalog.DamagedError
	if !errors.As(err, &damaged) || !damaged.Backup {
		return c, err
	}
	root, err := fsys.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	c, done, err := catalog.Recover(ctx, path, root, cryptorand.Reader)
	if err == nil {
		// An error, so that a command that only looks says it too: what was done since may be missing from the list.
		log.Error("the catalog was damaged; the last good state was taken instead",
			"why", damaged.Reason, "objects", done.Objects, "damaged_file", done.Kept)
	}
	return c, err
}
