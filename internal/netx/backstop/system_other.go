//go:build !linux

package backstop

import "syscall"

// Needed says that connections by an interface need backstops: what these systems answer by themselves is left to them.
const Needed = false

// Share does nothing.
func Share(syscall.RawConn) error { return nil }

// Deafen does nothing.
func Deafen(syscall.RawConn) error { return nil }
