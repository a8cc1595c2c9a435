package node

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// isIn reports whether a node has got into the DHT.
func isIn(n *Node) bool { return n.dht.Stats()[0].Sides[0].State == dht.Joined }

// TestWaysIntoTheDHT: who knows no router gets in by the node of a peer (BEP 5, the PORT message), or by those that a .torrent
// names; by nothing of the kind if the object is private.
func TestWaysIntoTheDHT(t *testing.T) {
	ofTorrent := func(t *testing.T, sharer *Node, o Object, nodes ...metainfo.Node) []byte {
		b, err := sharer.Torrent(o.ID)
		if err != nil {
			t.Fatal(err)
		}
		tor, err := metainfo.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		tor.Nodes = nodes
		return tor.Append(nil)
	}
	member := metainfo.Node{Host: "member.example", Port: 7000}
	for name, way := range map[string]struct {
		private bool
		peer    bool // the sharer is asked
		nodes   []metainfo.Node
		in      bool
	}{
		"none":                       {},
		"a peer":                     {peer: true, in: true},
		"a peer, private":            {peer: true, private: true},
		"a node of a .torrent":       {nodes: []metainfo.Node{member}, in: true},
		"a node of a private one":    {nodes: []metainfo.Node{member}, private: true},
		"a node in somebody's house": {nodes: []metainfo.Node{{Host: "10.0.0.1", Port: 7000}}},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
				h.neighbours(6)
				h.world.Name("member.example", "20.3.0.1")
				h.req.Private = way.private
				sharer := h.fetcher("21.1.0.1", inTable)
				o := h.share(sharer)
				n := h.fetcher("22.1.0.1", inTable, func(c *Config) { c.DHTRouters = nil })
				req := GetRequest{Torrent: ofTorrent(t, sharer, o, way.nodes...)}
				if way.peer {
					req.Peers = []string{peerOf(sharer)}
				}
				got, err := n.Get(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				if way.peer {
					untilDone(t, n, got.ID)
				}
				time.Sleep(time.Minute) // virtual
				if isIn(n) != way.in {
					t.Errorf("%+v", n.dht.Stats())
				}
			})
		})
	}
}
