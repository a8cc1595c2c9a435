package node

import (
	"context"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/reach"
)

// reachChecks bounds the checks under way: each is a look-up.
const reachChecks = 2

// DHT describes our nodes in the DHT, one for each socket; none if we take no part in it.
func (n *Node) DHT() []dht.Stats {
	if n.dht == nil {
		return nil
	}
	return n.dht.Stats()
}

// announcedInDHT is told that an announce is over, and how many nodes took it. What the user is told is what others find then.
func (n *Node) announcedInDHT(infoHash [20]byte, taken int) {
	o := n.books.Find(infoHash)
	if o == nil || !o.BeginReach(n.cfg.Now(), infoHash, taken > 0) {
		return
	}
	o.Run(func() {
		var found news.Reach
		defer func() { o.EndReach(found) }()
		if taken == 0 {
			found = reach.Unheard(n.cfg.Now(), n.dht.Stats())
			return
		}
		found = n.checkReach(o.Life, infoHash)
	})
}

// unreached reports whether strangers do not reach our node in the DHT in the family of an address.
func (n *Node) unreached(a netip.Addr) bool { return n.dht != nil && n.dht.Unreached(a) }

// standsInDHT is told that it has changed whether strangers reach us.
func (n *Node) standsInDHT() {
	for _, o := range n.books.All() {
		o.SayReach(n.cfg.Now())
	}
}

// checkReach looks an info-hash up as others do. It waits for its turn; nothing is Checked if ctx ends.
func (n *Node) checkReach(ctx context.Context, infoHash [20]byte) news.Reach {
	select {
	case n.checks <- struct{}{}:
		defer func() { <-n.checks }()
	case <-ctx.Done():
		return news.Reach{}
	}
	own := n.sockets.Addrs()
	for _, a := range n.External() {
		own = append(own, netip.AddrPortFrom(a, n.sockets.PublicPort()))
	}
	seen, err := n.dht.Check(ctx, infoHash, own)
	if err != nil {
		return news.Reach{}
	}
	return reach.Of(n.cfg.Now(), seen)
}
