package node

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// at has a node that is not offline listen where another run does.
func at(addr string) func(*Config) {
	return func(c *Config) { c.Listen, c.Offline = []netip.AddrPort{netip.MustParseAddrPort(addr)}, false }
}

// TestSavedPeersAfterARestart: a node whose object nobody tells of any more finds the peers of its last run, unless it is
// offline.
func TestSavedPeersAfterARestart(t *testing.T) {
	for _, name := range []string{"online", "offline"} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, "hybrid", map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
				theirs, ours := h.world.Host("1.1.1.1"), h.world.Host("1.2.2.2")
				seed := start(t, theirs, h.home("theirs"), at("1.1.1.1:7000"))
				shared := h.share(seed)
				if err := seed.Limit(shared.ID, 100_000, -1); err != nil {
					t.Fatal(err)
				}
				n := start(t, ours, h.home("ours"), at("1.2.2.2:7000"))
				o, err := n.Get(t.Context(), GetRequest{Torrent: h.torrent()})
				if err != nil {
					t.Fatal(err)
				}
				// It is they who come to us: nothing that the user typed here names them.
				if _, err := seed.Get(t.Context(), GetRequest{Link: shared.Link, Peers: []string{"1.2.2.2:7000"}}); err != nil {
					t.Fatal(err)
				}
				until(t, n, o.ID, "half done", func(o Object) bool { return o.BytesDone >= 1<<20 })
				if err := errors.Join(n.Close(), seed.Close()); err != nil {
					t.Fatal(err)
				}
				// Today they do not know us.
				h.share(start(t, theirs, h.home("theirs anew"), at("1.1.1.1:7000")))
				n = start(t, ours, h.home("ours"), at("1.2.2.2:7000"), func(c *Config) { c.Offline = name == "offline" })
				if name == "online" {
					untilDone(t, n, o.ID)
					return
				}
				time.Sleep(time.Hour) // virtual
				if peers, err := n.Peers(o.ID); err != nil || len(peers) > 0 {
					t.Errorf("offline it has peers: %v, %v", peers, err)
				}
			})
		})
	}
}
