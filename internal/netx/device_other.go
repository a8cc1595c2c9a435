//go:build !linux && !darwin

package netx

import (
	"runtime"
	"syscall"
)

// bindToDevice is a [NoWayError]: a source address alone does not keep a socket to its interface, for routes go by the destination.
func bindToDevice(_ syscall.RawConn, _ string, only *Interface) error {
	return &NoWayError{Via: only.Name, Problem: "cannot be kept to on " + runtime.GOOS}
}
