//go:build unix

package vfstest

import (
	"testing"

	"golang.org/x/sys/unix"
)

func mkfifo(_ testing.TB, name string) error { return unix.Mkfifo(name, 0o666) }
