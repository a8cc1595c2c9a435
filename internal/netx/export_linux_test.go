package netx

import "golang.org/x/sys/unix"

// Unsegment has a socket do without UDP_SEGMENT and UDP_GRO, as on an old kernel.
func Unsegment(c PacketConn) { c.(*udpSocket).unsegmented = true }

// Cutting is what a socket's IP_MTU_DISCOVER is.
func Cutting(c PacketConn) (mode int) {
	c.(*udpSocket).control(func(fd int) { mode, _ = unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER) })
	return mode
}
