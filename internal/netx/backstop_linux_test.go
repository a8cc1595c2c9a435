package netx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Many connections to one address leave from ports that are held, and nobody can connect to those.
func TestHeldPorts(t *testing.T) {
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("no loopback:", err)
	}
	only := &netx.Interface{Name: "lo", Index: loopback.Index, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Loopback: true}
	nw := netx.System(netx.Options{Only: only})
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	from := map[string]net.Conn{}
	dial := func(nw netx.Network) {
		t.Helper()
		conn, err := nw.DialTCP(t.Context(), netx.AddrPort(server.Addr()))
		if errors.Is(err, os.ErrPermission) {
			t.Skip("cannot be kept to lo:", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if from[conn.LocalAddr().String()] != nil {
			t.Fatal("twice from", conn.LocalAddr())
		}
		from[conn.LocalAddr().String()] = conn
	}
	for range 40 {
		dial(nw)
	}
	for local, conn := range from {
		conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var d net.Dialer
		if _, err := d.DialContext(ctx, "tcp", local); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("to %s: %v", local, err)
		}
		delete(from, local) // it may be taken again
		break
	}

	// The interface is made anew: the ports stay, those of before are let go.
	again := netx.System(netx.Options{Only: only, Before: nw})
	if _, err := nw.DialTCP(t.Context(), netx.AddrPort(server.Addr())); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	dial(again)
	if err := again.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
	for local := range from {
		if _, err := net.Dial("tcp", local); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("to %s in the end: %v", local, err)
		}
	}
}
