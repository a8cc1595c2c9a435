package dht_test

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// standing is how a runner stands, and what it does for others.
func (n *inhabitant) standing() (dht.Standing, core.Mode) {
	st := n.Stats()[0]
	return st.Reachability[0].Standing, st.Sides[0].Mode
}

// Whoever can only dial becomes read-only; it still finds and is found. Others serve on, and so does it as soon as a stranger's
// query comes through.
func TestBehindNAT(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(40)
		var host *netxtest.Host
		var changes atomic.Int32
		n := tn.enter(200, func(c *dht.Config) {
			c.Routers = []string{fmt.Sprintf("router.example:%d", port)}
			c.Stands = func() { changes.Add(1) }
			host = c.Network.(*netxtest.Host)
			host.Shut()
		})
		n.Crowd(8)
		n.SetObjects(object(200, true))
		settle(20 * time.Minute)
		if stand, mode := n.standing(); stand != dht.Unknown || mode != core.Serving {
			t.Errorf("%v, mode %d before strangers could have come", stand, mode)
		}
		settle(20 * time.Minute)
		if stand, mode := n.standing(); stand != dht.Unreached || mode != core.ReadOnly || !n.Unreached(n.addr.Addr()) {
			t.Errorf("%v, mode %d: %+v", stand, mode, n.state())
		}
		if n.Unreached(netip.IPv6Unspecified()) {
			t.Error("unreached where it is not")
		}
		getter := tn.nodes[17]
		getter.SetObjects(object(200, false))
		getter.await([20]byte{200}, n.addr)
		for i, other := range tn.nodes[:40] {
			if stand, mode := other.standing(); stand == dht.Unreached || mode != core.Serving {
				t.Errorf("node %d: %v, mode %d", i, stand, mode)
			}
		}

		ask := func() {
			stranger := netip.MustParseAddrPort("33.1.1.1:1")
			conn, err := tn.world.Host(stranger.Addr().String()).ListenUDP(tn.ctx, stranger)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ping := krpc.Message{Kind: krpc.KindQuery, Transaction: []byte("q"), Query: krpc.Query{Method: krpc.Ping}}
			if _, err := conn.WriteTo(ping.Append(nil), n.addr); err != nil {
				t.Fatal(err)
			}
			settle(time.Second)
		}
		ask()
		if stand, mode := n.standing(); stand != dht.Unreached || mode != core.ReadOnly {
			t.Errorf("%v, mode %d, though the way is shut", stand, mode)
		}
		host.Open()
		ask()
		if stand, mode := n.standing(); stand != dht.Reached || mode != core.Serving {
			t.Errorf("%v, mode %d, though the way is open", stand, mode)
		}
		if got := changes.Load(); got != 2 {
			t.Errorf("told of %d changes", got)
		}
	})
}

// In a small and quiet DHT, in which there are hardly any strangers, nobody takes himself to be unreached.
func TestNobodyIsUnreachedInASmallDHT(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(40)
		for range 9 {
			settle(10 * time.Minute)
			for i, n := range tn.nodes {
				if stand, mode := n.standing(); stand == dht.Unreached || mode != core.Serving {
					t.Errorf("node %d: %v, %+v", i, stand, n.state())
				}
			}
		}
	})
}
