//go:build !windows && !plan9

package netx

import "syscall"

func restrictSocket(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) }
