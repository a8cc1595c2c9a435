package netx

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindToDevice has the kernel send nothing from a socket by another interface, and give nothing to it that came by one (IP_BOUND_IF
// and IPV6_BOUND_IF of <netinet/in.h>). Network is that of a socket of one family, as "udp6".
func bindToDevice(c syscall.RawConn, network string, only *Interface) error {
	level, option := unix.IPPROTO_IP, unix.IP_BOUND_IF
	if strings.HasSuffix(network, "6") {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_BOUND_IF
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), level, option, only.Index))
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("keep a socket to %s: %w", only.Name, err)
	}
	return nil
}
