package vfs

import (
	"errors"
	"io/fs"
	"syscall"
)

// errLeadsOut is the error for a name that leads, or could lead, out of a root.
var errLeadsOut = errors.New("the name leads out of its folder")

// IsFull reports whether an operation failed because the disk or the user's quota is full.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || isFullHere(err)
}

// IsReadOnly reports whether an operation failed because the place may not be written to.
func IsReadOnly(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}
