package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// ErrNotFound says that no object answers to the name given.
var ErrNotFound = errors.New("catalog: no such object")

// ErrDamaged is what every [DamagedError] is.
var ErrDamaged = errors.New("catalog: damaged")

// ErrBusy says that another program holds the catalog.
var ErrBusy = errors.New("catalog: in use by another program")

// DamagedError says that the catalog's file cannot be trusted. The file is left where it is; [Recover] puts the last
// good state in its place.
type DamagedError struct {
	Path   string
	Backup bool // a backup lies beside it
	Reason string
}

func (e *DamagedError) Error() string {
	rest := "no backup of it was found"
	if e.Backup {
		rest = "a backup of the last good state lies beside it"
	}
	return fmt.Sprintf("catalog: %s is damaged (%s); %s", e.Path, e.Reason, rest)
}

// Is makes errors.Is(err, ErrDamaged) hold.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// NewerError says that a newer potluck wrote the catalog. It is not touched.
type NewerError struct {
	Path        string
	Have, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("catalog: %s was written by a newer potluck (its schema is %d, this one knows %d); use that newer version",
		e.Path, e.Have, e.Known)
}

// AmbiguousError says that several objects answer to the name given.
type AmbiguousError struct {
	Ref string
	IDs []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("catalog: %q means several objects: %s", e.Ref, strings.Join(e.IDs, ", "))
}

// InvalidError refuses a value that may not be stored. Whoever handed it in is to blame.
type InvalidError struct{ Field, Reason string }

func (e *InvalidError) Error() string { return "catalog: " + e.Field + ": " + e.Reason }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// RecordError says that what is stored of one object does not make sense. Other objects are not touched by it.
type RecordError struct {
	ID  string
	Err error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("catalog: what is stored of object %s cannot be used: %v", e.ID, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

// DiskError says that the disk refused: it is full, broken, or not ours to write to.
type DiskError struct {
	Op   string
	Path string // of the catalog
	Full bool
	Err  error
}

func (e *DiskError) Error() string {
	why := e.Err
	var s *sqlite.Error
	if errors.As(e.Err, &s) {
		why = s // and not which step of ours it was
	}
	if e.Full {
		why = syscall.ENOSPC // which SQLite has other words for
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Path, why)
}

func (e *DiskError) Unwrap() error { return e.Err }

// explain gives an error of SQLite the type of the one to blame. Errors that are ours already pass.
func (c *Catalog) explain(op string, err error) error {
	var e *sqlite.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return &DamagedError{Path: c.path, Backup: c.hasBackup(), Reason: e.Error()}
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case lib.SQLITE_FULL:
		return &DiskError{Op: op, Path: c.path, Full: true, Err: err}
	case lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_PERM:
		// To make the index of the write-ahead log longer takes no more than room.
		return &DiskError{Op: op, Path: c.path, Full: e.Code() == lib.SQLITE_IOERR_SHMSIZE, Err: err}
	}
	return fmt.Errorf("catalog: %s: %w", op, err)
}

// badRow blames a row for not holding what its columns must, when it was that and not the database that failed.
func badRow(id string, err error) error {
	var e *sqlite.Error
	if id == "" || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &RecordError{ID: id, Err: err}
}

// cannotOpen reports whether SQLite found no file it could open.
func cannotOpen(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == lib.SQLITE_CANTOPEN
}
