package netxtest_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// deaf is a network without multicast, as behind a proxy.
type deaf struct{ netx.Network }

func TestMulticastStaysInTheLAN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		a, b, c := w.Host("10.0.0.1"), w.Host("10.0.0.2", "fd00::2"), w.Host("10.0.0.3")
		w.LAN(a, b)
		w.SetLink(a, b, netxtest.Link{Delay: time.Second})
		group := netip.MustParseAddrPort("239.192.152.143:6771")
		var heard []string
		var members []netx.MulticastConn
		for _, h := range []*netxtest.Host{a, a, b, c} {
			m, err := netx.ListenMulticast(t.Context(), h, group)
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, m)
		}
		if err := members[0].Send([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, func() {
			for _, m := range members {
				_ = m.Close()
			}
		})
		for i, m := range members {
			p := make([]byte, 9)
			n, from, err := m.ReadFrom(p)
			if err == nil {
				heard = append(heard, string(p[:n]))
				if from.Addr() != a.Addr() {
					t.Error("from", from)
				}
			}
			if gone := errors.Is(err, net.ErrClosed); gone != (i == 3) {
				t.Error(i, err)
			}
		}
		if len(heard) != 3 {
			t.Error(heard)
		}
		if err := members[0].Send(nil); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		for nw, g := range map[netx.Network]string{a: "[ff15::efc0:988f]:6771", deaf{a}: "239.192.152.143:6771"} {
			if _, err := netx.ListenMulticast(context.Background(), nw, netip.MustParseAddrPort(g)); !errors.Is(err, netx.ErrNoMulticast) {
				t.Error(g, err)
			}
		}
		if _, err := b.ListenMulticast(t.Context(), netip.MustParseAddrPort("[fd00::1]:1")); err == nil {
			t.Error("joined what is no group")
		}
	})
}
