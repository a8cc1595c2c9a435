package dht_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
)

// behindProxy has a runner's names looked up at the far end.
func behindProxy(t *testing.T, c *dht.Config) {
	t.Helper()
	far := netxtest.Far{Host: c.Network.(*netxtest.Host)}
	at := c.Sockets[0].LocalAddr()
	c.Sockets[0].Close()
	conn, err := far.ListenUDP(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	c.Network, c.Sockets = far, []netx.PacketConn{conn}
}

// Behind a proxy a router is asked by its name, and gives a way in.
func TestRouterByName(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(20)
		tn.nodes[3].SetObjects(object(9, true))
		n := tn.enter(30, func(c *dht.Config) {
			behindProxy(t, c)
			c.Routers = []string{"nobody.example:1", fmt.Sprintf("router.example:%d", port)}
		})
		settle(time.Minute)
		if st := n.state(); st.State != core.Joined {
			t.Fatalf("%+v", st)
		}
		n.SetObjects(object(9, false))
		n.await([20]byte{9}, tn.nodes[3].addr)
	})
}

// What a .torrent names is asked by its address only: a proxy would look a name up in its own network.
func TestStrangersNamesAreNotLookedUpFar(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.world.Name("router.local", "99.1.1.1")
		victim, err := tn.world.Host("99.1.1.1").ListenUDP(tn.ctx, netip.MustParseAddrPort("99.1.1.1:7000"))
		if err != nil {
			t.Fatal(err)
		}
		defer victim.Close()
		n := tn.enter(0, func(c *dht.Config) { behindProxy(t, c) })
		n.Introduce(tn.ctx, []string{"router.local:7000", "no port"})
		_ = victim.SetReadDeadline(time.Now().Add(time.Minute))
		if _, from, err := victim.ReadFrom(make([]byte, 2000)); err == nil {
			t.Error("was asked by", from)
		}
	})
}
