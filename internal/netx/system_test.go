package netx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/netx"
)

func TestSystemDialsFromTheSource(t *testing.T) {
	source := netip.MustParseAddr("127.0.0.3")
	nw := netx.System(netx.Options{Source: source})
	l, u, err := netx.ListenPair(t.Context(), nw, netip.MustParseAddrPort("127.0.0.2:0"))
	if err != nil {
		t.Skip("127.0.0.2 cannot be bound here:", err)
	}
	defer l.Close()
	defer u.Close()
	at := netx.AddrPort(l.Addr())
	if u.LocalAddr() != at || at.Port() == 0 {
		t.Errorf("TCP at %v, UDP at %v", at, u.LocalAddr())
	}
	for range 2 {
		conn, err := nw.DialTCP(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if from := netx.AddrPort(peer.RemoteAddr()); from.Addr() != source {
			t.Errorf("came from %v", from)
		}
	}
	if _, err := nw.DialTCP(t.Context(), netip.MustParseAddrPort("[::1]:9")); !errors.Is(err, netx.ErrFamily) {
		t.Error("left by another family:", err)
	}
}

func TestSystemDatagrams(t *testing.T) {
	nw := netx.System(netx.Options{})
	wild, err := nw.ListenUDP(t.Context(), netip.MustParseAddrPort("[::]:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer wild.Close()
	four, err := nw.ListenUDP(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer four.Close()
	// The wildcard socket speaks IPv4 and shows it unmapped.
	if _, err := wild.WriteTo([]byte("ping"), four.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 10)
	n, from, err := four.ReadFrom(p)
	if err != nil || string(p[:n]) != "ping" || from.Port() != wild.LocalAddr().Port() {
		t.Fatal(string(p[:n]), from, err)
	}
	if _, err := four.WriteTo([]byte("pong"), from); err != nil {
		t.Fatal(err)
	}
	if n, from, err = wild.ReadFrom(p); err != nil || string(p[:n]) != "pong" || from != four.LocalAddr() {
		t.Fatal(string(p[:n]), from, err)
	}
}

func TestListenPairTakesTheSamePort(t *testing.T) {
	nw := netx.System(netx.Options{})
	l, u, err := netx.ListenPair(t.Context(), nw, netip.MustParseAddrPort("[::]:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if l.Addr().(*net.TCPAddr).Port != int(u.LocalAddr().Port()) {
		t.Error(l.Addr(), u.LocalAddr())
	}
	taken := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), u.LocalAddr().Port())
	_ = l.Close()
	if l, u, err := netx.ListenPair(t.Context(), nw, taken); err == nil {
		_ = l.Close()
		_ = u.Close()
		t.Error("bound a taken UDP port")
	}
}

func TestSystemResolvesLiterals(t *testing.T) {
	nw := netx.System(netx.Options{})
	addrs, err := nw.LookupHost(t.Context(), "::ffff:127.0.0.1")
	if err != nil || !slices.Equal(addrs, []netip.Addr{netip.MustParseAddr("127.0.0.1")}) {
		t.Error(addrs, err)
	}
	if own, err := nw.Addrs(); err != nil {
		t.Error(own, err)
	}
}

func TestSystemStreams(t *testing.T) {
	nw := netx.System(netx.Options{Source: netip.IPv4Unspecified()})
	l, err := nw.ListenTCP(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := nw.DialTCP(ctx, netx.AddrPort(l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel() // the context was for the dial
	if _, err := c.Write([]byte("echo")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4)
	if _, err := io.ReadFull(c, p); err != nil || string(p) != "echo" {
		t.Error(string(p), err)
	}
}

// A socket for one interface leaves by no other, and a name server on this machine would.
func TestSystemOfOneInterface(t *testing.T) {
	nw := netx.System(netx.Options{
		Only:        &netx.Interface{Name: "wg0", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}},
		NameServers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.53:53")},
	})
	var local *netx.LocalNameServerError
	if _, err := nw.LookupHost(t.Context(), "a.example"); !errors.As(err, &local) && !strings.Contains(err.Error(), "does not ask by wg0") {
		t.Error(err)
	}
	if _, err := nw.DialTCP(t.Context(), netip.MustParseAddrPort("[2001:db8::1]:80")); !errors.Is(err, netx.ErrFamily) {
		t.Error(err)
	}
	for _, at := range []string{"10.0.0.1:0", "[::]:0", "127.0.0.1:0"} {
		if _, err := nw.ListenTCP(t.Context(), netip.MustParseAddrPort(at)); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%s: %v", at, err)
		}
		if _, err := nw.ListenUDP(t.Context(), netip.MustParseAddrPort(at)); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if _, err := netx.ListenMulticast(t.Context(), nw, netip.MustParseAddrPort("[ff15::efc0:988f]:6771")); !errors.Is(err, netx.ErrFamily) {
		t.Error(err)
	}
	if addrs, err := nw.Addrs(); err != nil || !slices.Equal(addrs, []netip.Addr{netip.MustParseAddr("192.0.2.7")}) {
		t.Error(addrs, err)
	}
}
