package netx

import "syscall"

// ipBindAddressNoPort is IP_BIND_ADDRESS_NO_PORT of linux/in.h, which package syscall lacks.
const ipBindAddressNoPort = 24

// shareSourcePorts lets the kernel choose the source port at connect instead of at bind. Without it a bound source
// address could hold one connection per ephemeral port, to whatever remote.
func shareSourcePorts(_, _ string, c syscall.RawConn) error {
	// An old kernel that does not know the option only loses the sharing.
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
	})
}
