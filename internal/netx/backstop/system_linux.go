package backstop

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Needed says that connections by an interface need backstops.
const Needed = true

// Share lets connections have the port of a listener (SO_REUSEPORT, socket(7)).
func Share(c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	})
	if err == nil {
		err = failed
	}
	return err
}

// acknowledged passes TCP segments with ACK, and those alone: who wants to connect sends none at first.
var acknowledged = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13}, // the flags
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x10, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
}

// Deafen keeps a listener from hearing who wants to connect (SO_ATTACH_FILTER, socket(7)).
func Deafen(c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		program := unix.SockFprog{Len: uint16(len(acknowledged)), Filter: &acknowledged[0]}
		failed = os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program))
	})
	if err == nil {
		err = failed
	}
	return err
}
