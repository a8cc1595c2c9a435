package vfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// ErrLocked says that somebody else holds a lock.
var ErrLocked = errors.New("locked")

// LockedError is an ErrLocked that names the holder.
type LockedError struct {
	Name string // of the lock file
	PID  int    // of the holder, 0 if it is not known
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return e.Name + " is locked by another process"
	}
	return fmt.Sprintf("%s is locked by process %d", e.Name, e.PID)
}

// Is makes it an ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// LockFile takes the lock that the file called name stands for, making the file if it is not there, and writes this
// process's id into it. It does not wait: a lock that is held is a [*LockedError]. Closing lets go of the lock, and so does
// the end of the process, however it ends.
func LockFile(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|openFlags, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := regular(f); err != nil {
		return nil, err // closed by regular
	}
	held, err := tryLock(f)
	if err == nil && held {
		err = &LockedError{Name: name, PID: lockHolder(f)}
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return lock{f}, nil
}

// lockHolder reads who wrote the lock file, 0 if that cannot be told.
func lockHolder(f *os.File) int {
	var b [20]byte
	n, _ := f.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

type lock struct{ f *os.File }

// Close lets go of the lock. The file stays: were it removed, a process that had it open already and one that makes it
// anew would both hold a lock of that name.
func (l lock) Close() error {
	// The id would name a process that holds nothing.
	_ = l.f.Truncate(0)
	return l.f.Close()
}
