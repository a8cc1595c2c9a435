//go:build !linux

package netx

import "syscall"

// holdsPorts: what these systems answer by themselves is left to them.
const holdsPorts = false

func sharePort(syscall.RawConn) error { return nil }
func deafen(syscall.RawConn) error    { return nil }
