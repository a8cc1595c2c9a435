package node

import (
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/fault"
)

// meets waits until a node is connected to a host.
func meets(t *testing.T, n *Node, id, host string) {
	t.Helper()
	until(t, n, id, "connected to "+host, func(Object) bool {
		peers, err := n.Peers(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range peers {
			if strings.HasPrefix(p.Address, host+":") {
				return true
			}
		}
		return false
	})
}

// TestPeersFindEachOtherByExchange: two that know only one seed learn of each other from it (BEP 11).
func TestPeersFindEachOtherByExchange(t *testing.T) {
	for _, name := range []string{"public", "private", "offline"} {
		t.Run(name, func(t *testing.T) {
			set := func(c *Config) { c.Offline = name == "offline" }
			inHouse(t, "hybrid", map[string]int{"a": 4 << 20}, func(t *testing.T, h *house) {
				h.req.Private = name == "private"
				seed := start(t, h.world.Host("1.1.1.1"), h.home("public"), set)
				shared := h.share(seed)
				if err := seed.Limit(shared.ID, 20_000, -1); err != nil {
					t.Fatal(err)
				}
				join := func(ip string) (*Node, Object) {
					n := h.fetcher(ip, set)
					return n, h.get(n, func(r *GetRequest) { r.Link, r.Peers = shared.Link, []string{peerOf(seed)} })
				}
				a, ao := join("1.1.2.1")
				b, bo := join("1.1.3.1")
				meets(t, a, ao.ID, "1.1.1.1")
				meets(t, b, bo.ID, "1.1.1.1")
				if name == "public" {
					meets(t, a, ao.ID, "1.1.3.1")
					return
				}
				untilDone(t, a, ao.ID)
				if s, _ := a.Peers(ao.ID); len(s) > 1 {
					t.Errorf("peers by exchange: %v", s)
				}
			})
		})
	}
}

// TestPeersFindEachOtherOnTheLAN: two that were told of nobody hear each other (BEP 14), unless they are offline.
func TestPeersFindEachOtherOnTheLAN(t *testing.T) {
	for _, offline := range []bool{false, true} {
		name := map[bool]string{false: "online", true: "offline"}[offline]
		t.Run(name, func(t *testing.T) {
			inHouse(t, "v1", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
				one, two := h.world.Host("10.0.1.1"), h.world.Host("10.0.1.2")
				h.world.LAN(one, two)
				set := func(c *Config) { c.Offline = offline }
				h.share(start(t, one, h.home("one"), set))
				n := start(t, two, h.home("two"), set)
				o := h.get(n, func(r *GetRequest) { r.Peers, r.Wait = nil, 5*time.Minute })
				if !offline {
					untilDone(t, n, o.ID)
					return
				}
				until(t, n, o.ID, "failed", func(o Object) bool { return o.Err != nil && o.Err.Exit == fault.ExitNobody })
			})
		})
	}
}
