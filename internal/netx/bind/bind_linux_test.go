package bind

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// TestLoopback binds real sockets to the one interface that every machine has.
func TestLoopback(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback:", err)
	}
	defer server.Close()
	n := New(Config{To: "127.0.0.1", NameServers: []netip.AddrPort{netip.MustParseAddrPort(server.LocalAddr().String())}})
	defer n.Close()
	if p := problem(n); p != "" {
		t.Skip("lo", p)
	}
	l, u, err := netx.ListenPair(t.Context(), n, netip.MustParseAddrPort("0.0.0.0:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	defer u.Close()
	accepted := accepting(l)
	conn, err := n.DialTCP(t.Context(), netx.AddrPort(l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	other := <-accepted
	defer other.Close()
	for name, c := range map[string]net.Conn{"dialled": conn, "accepted": other} {
		raw, err := c.(*tcpConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := errors.Join(raw.Control(func(fd uintptr) { got, err = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE) }), err); err != nil || got != "lo" {
			t.Errorf("a connection that was %s is kept to %q, %v", name, got, err)
		}
	}
	if _, err := u.WriteTo([]byte("hello"), u.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if k, from, err := u.ReadFrom(b); string(b[:k]) != "hello" || from != u.LocalAddr() || err != nil {
		t.Errorf("%q from %v, %v", b[:k], from, err)
	}

	asked := make(chan netip.AddrPort, 10)
	go func() {
		b := make([]byte, 512)
		for {
			k, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			asked <- netx.AddrPort(from)
			b[2], b[3] = b[2]|0x80, b[3]&0xf0|3 // an answer: there is no such name
			_, _ = server.WriteTo(b[:k], from)
		}
	}()
	var dns *net.DNSError
	if _, err := n.LookupHost(t.Context(), "nobody.example"); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Error(err)
	}
	if from := <-asked; !from.Addr().IsLoopback() {
		t.Error("asked from", from)
	}
}
