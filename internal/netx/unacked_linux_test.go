package netx

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// TestDeadConnectionsEndWithinAMinute: both ends, the one that dialled and the one that accepted, have the kernel look after
// the other side, whether something is under way or not.
func TestDeadConnectionsEndWithinAMinute(t *testing.T) {
	for name, opt := range map[string]Options{"from anywhere": {}, "from one address": {Source: netip.MustParseAddr("127.0.0.1")}} {
		t.Run(name, func(t *testing.T) {
			n := System(opt)
			l, err := n.ListenTCP(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			out, err := n.DialTCP(t.Context(), AddrPort(l.Addr()))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			in, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			for side, conn := range map[string]net.Conn{"dialled": out, "accepted": in} {
				raw, err := conn.(*net.TCPConn).SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				option := func(name int) (value int) {
					var failed error
					if err := raw.Control(func(fd uintptr) {
						value, failed = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, name)
					}); err != nil || failed != nil {
						t.Fatal(err, failed)
					}
					return value
				}
				idle := option(syscall.TCP_KEEPIDLE) + option(syscall.TCP_KEEPINTVL)*option(syscall.TCP_KEEPCNT)
				if limit := time.Duration(option(tcpUserTimeout)) * time.Millisecond; idle > 60 || limit <= 0 || limit > time.Minute {
					t.Errorf("%s: ends after %d s when idle, %v otherwise", side, idle, limit)
				}
			}
		})
	}
}
