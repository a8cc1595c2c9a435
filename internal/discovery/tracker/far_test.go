package tracker_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// TestFarUDPTracker: a UDP tracker whose name a proxy looks up is whoever answers.
func TestFarUDPTracker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := netxtest.Far{Host: w.Host("8.8.4.4")}, w.Host("1.1.1.1")
		w.Name("t.example", "1.1.1.1")
		w.Name("router.local", "1.1.1.1")
		u := newUDPTracker(t, host, "0.0.0.0:6969")
		u.drop = 1
		u.reply = func([]byte, netip.AddrPort) (wire.Action, []byte) {
			return wire.ActionAnnounce, append(make([]byte, 12), 2, 2, 2, 2, 0x1a, 0xe1)
		}
		sock, err := us.ListenUDP(t.Context(), netip.MustParseAddrPort("0.0.0.0:0"))
		if err != nil {
			t.Fatal(err)
		}
		c := tracker.NewClient(tracker.ClientConfig{Network: us, UDP: []netx.PacketConn{sock}, Rand: rand.New(rand.NewPCG(1, 2))})
		defer c.Close()
		resp, err := c.Announce(t.Context(), request("udp://t.example:6969/announce"))
		if err != nil || !slices.Equal(resp.Peers, []netip.AddrPort{netip.MustParseAddrPort("2.2.2.2:6881")}) || resp.Tracker != host.Addr() || resp.From != netx.FromPublic {
			t.Error(resp, err)
		}
		// The name is asked as by a lookup, and who answers as any other.
		if got, want := u.packets(), []wire.Action{wire.ActionConnect, wire.ActionConnect, wire.ActionAnnounce}; !slices.Equal(got, want) {
			t.Error(got)
		}
		var refused *urls.Error
		if _, err := c.Announce(t.Context(), request("udp://router.local:6969/announce")); !errors.As(err, &refused) {
			t.Error(err)
		}
		r := request("udp://t.example:6969/announce")
		r.Family = netx.IPv6
		if _, err := c.Announce(t.Context(), r); !errors.Is(err, urls.ErrNoAddress) {
			t.Error(err)
		}
	})
}

// TestUDPTrackerWithoutDatagrams: where no datagrams get through, a UDP tracker says so, however it is named.
func TestUDPTrackerWithoutDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		c := tracker.NewClient(tracker.ClientConfig{Network: netxtest.Far{Host: w.Host("8.8.4.4")}, Rand: rand.New(rand.NewPCG(1, 2))})
		defer c.Close()
		for _, at := range []string{"udp://t.example:6969/announce", "udp://1.1.1.1:6969/announce"} {
			if _, err := c.Announce(t.Context(), request(at)); !errors.Is(err, netx.ErrNoDatagrams) {
				t.Errorf("%s: %v", at, err)
			}
		}
	})
}
