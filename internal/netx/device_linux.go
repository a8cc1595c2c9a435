package netx

import (
	"fmt"
	"os"
	"syscall"
)

// bindToDevice has the kernel send nothing from a socket, and give nothing to it, by another interface (SO_BINDTODEVICE, socket(7)).
// Since Linux 5.7 that needs no rights.
func bindToDevice(c syscall.RawConn, _ string, only *Interface) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = os.NewSyscallError("setsockopt", syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, only.Name))
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("keep a socket to %s: %w", only.Name, err)
	}
	return nil
}
