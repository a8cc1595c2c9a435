//go:build !linux

package netx

import "syscall"

// bindToDevice leaves it at the source address, by which these systems choose the interface.
func bindToDevice(syscall.RawConn, string) error { return nil }
