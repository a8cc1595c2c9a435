package utp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
)

func TestFindsThePathMTU(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		addr     string
		path     utp.Path
		carries  int
		min, max int
	}{
		{"ethernet", "", utp.Path{}, 1472, 1472, 1472},
		{"PPPoE", "", utp.Path{}, 1464, 1448, 1464},
		{"a tunnel", "", utp.Path{}, 1000, 984, 1000},
		{"narrowest", "", utp.Path{}, 548, 548, 548},
		{"jumbo frames", "", utp.Path{MaxDatagram: 8972}, 8972, 8972, 8972},
		{"jumbo frames, not all the way", "", utp.Path{MaxDatagram: 8972}, 1472, 1456, 1472},
		{"IPv6", "[2001:db8::1]:1", utp.Path{}, 1232, 1232, 1232},
		{"an interface that carries less than IPv4 asks for", "", utp.Path{MaxDatagram: 300}, 300, 300, 300},
	} {
		l := link{delay: 5 * ms, mtu: c.carries, noCut: true, rate: 1e6, queue: time.Minute}
		w := configured(t, 1, l, link{delay: 5 * ms}, utp.Config{}, c.path)
		if c.addr != "" {
			w.b.addr = netip.MustParseAddrPort(c.addr)
		}
		x := w.bulkOn(utp.Background)
		w.drive(5*time.Second, x)
		s := x.from.Stats()
		if s.Datagram < c.min || s.Datagram > c.max {
			t.Errorf("%s: found %d of %d", c.name, s.Datagram, c.carries)
		}
		// What is lost by probing is no sign of congestion.
		if s.Window < 60_000 {
			t.Errorf("%s: the window is only %d", c.name, s.Window)
		}
		if w.a.out.lost > 25 {
			t.Errorf("%s: %d packets lost", c.name, w.a.out.lost)
		}
	}
}

// A path that becomes narrower in the middle: what is on its way has to be cut by routers, the rest is sent smaller.
func TestPathBecomesNarrower(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, link{delay: 10 * ms, rate: 1e5, queue: time.Second}, link{delay: 10 * ms})
	x := w.bulkOn(utp.Background)
	w.drive(10*time.Second, x)
	if n := x.from.Stats().Datagram; n != 1472 {
		t.Fatal(n)
	}
	w.a.out.mtu = 900
	w.drive(time.Minute, x)
	if r := w.drive(10*time.Second, x)[0]; r < 50_000 {
		t.Errorf("%.0f B/s", r)
	}
	if n := x.from.Stats().Datagram; n < 884 || n > 900 {
		t.Errorf("found %d", n)
	}
	// And wider again, which is noticed in time.
	w.a.out.mtu = 0
	w.drive(12*time.Minute, x)
	if n := x.from.Stats().Datagram; n != 1472 {
		t.Errorf("found %d", n)
	}
}
