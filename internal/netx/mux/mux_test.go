package mux_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

func startsWith(c byte) func([]byte, netip.AddrPort) bool {
	return func(p []byte, _ netip.AddrPort) bool { return len(p) > 0 && p[0] == c }
}

func read(t *testing.T, c netx.PacketConn) string {
	t.Helper()
	p := make([]byte, 100)
	n, from, err := c.ReadFrom(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n]) + " from " + from.String()
}

func TestMuxSharesOneSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, peer := w.Host("1.1.1.1"), w.Host("2.2.2.2")
		shared, err := us.ListenUDP(t.Context(), netip.MustParseAddrPort("[::]:6881"))
		if err != nil {
			t.Fatal(err)
		}
		other, err := peer.ListenUDP(t.Context(), netip.MustParseAddrPort("2.2.2.2:7000"))
		if err != nil {
			t.Fatal(err)
		}
		m := mux.New(shared)
		dht, utp := m.Route(2, startsWith('d')), m.Route(8, startsWith('u'))
		done := make(chan error, 1)
		go func() { done <- m.Serve() }()

		to := netip.MustParseAddrPort("1.1.1.1:6881")
		for _, s := range []string{"", "x", "d1", "u1", "d2", "d3", "u2"} {
			if _, err := other.WriteTo([]byte(s), to); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		const from = " from 2.2.2.2:7000"
		// The third datagram for the DHT found its queue full and held up nobody.
		for _, want := range []string{"d1", "d2"} {
			if got := read(t, dht); got != want+from {
				t.Error(got)
			}
		}
		for _, want := range []string{"u1", "u2"} {
			if got := read(t, utp); got != want+from {
				t.Error(got)
			}
		}
		if err := dht.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := dht.ReadFrom(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if _, err := utp.WriteTo([]byte("hi"), netip.MustParseAddrPort("2.2.2.2:7000")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, other); got != "hi from 1.1.1.1:6881" {
			t.Error(got)
		}

		if err := dht.Close(); err != nil {
			t.Error(err)
		}
		blocked := make(chan error)
		go func() {
			_, _, err := utp.ReadFrom(make([]byte, 9))
			blocked <- err
		}()
		synctest.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := <-blocked; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, _, err := m.Route(1, startsWith('x')).ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
			t.Error("route of a closed mux:", err)
		}
		_ = other.Close()
	})
}
