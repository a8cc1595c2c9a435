//go:build !linux

package netx

import "syscall"

// shareSourcePorts is needed on Linux only.
func shareSourcePorts(_, _ string, _ syscall.RawConn) error { return nil }
