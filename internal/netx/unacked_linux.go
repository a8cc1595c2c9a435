package netx

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h (RFC 5482), in milliseconds, which package syscall lacks.
const tcpUserTimeout = 18

// endUnacknowledged has the kernel end a connection when what was sent is not acknowledged for so long. By itself it goes on
// for a quarter of an hour.
func endUnacknowledged(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unacknowledged.Milliseconds()))
	})
}
