package node

import (
	"context"
	"fmt"
	"net/netip"

	discovery "github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/protocol/dht"
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
			found = n.unheard()
			return
		}
		found = n.checkReach(o.Life, infoHash)
	})
}

// unheard is why nobody took an announce.
func (n *Node) unheard() news.Reach {
	var sent int64
	good := 0
	for _, st := range n.dht.Stats() {
		sent += st.Sent
		for _, s := range st.Sides {
			good += s.Good
		}
	}
	switch {
	case sent == 0:
		return n.unreached("dht-no-way-in", "no node of the DHT is known to begin with",
			"name some with potluck config set dht_routers HOST:PORT,..., or a tracker with --tracker URL")
	case good == 0:
		return n.unanswered()
	}
	return n.unreached("dht-not-taken", "no node of the DHT took the announce", "wait: it is tried again")
}

func (n *Node) unanswered() news.Reach {
	return n.unreached("dht-silent", "no node of the DHT answers",
		"see whether a firewall blocks UDP; meanwhile name a tracker with --tracker URL, or hand out your address")
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
		own = append(own, netip.AddrPortFrom(a, n.sockets.Port()))
	}
	r, err := n.dht.Check(ctx, infoHash, own)
	if err != nil {
		return news.Reach{}
	}
	return n.reached(r)
}

// reached is what the user is told of a check.
func (n *Node) reached(r discovery.Reach) news.Reach {
	reach := news.Reach{Found: r.Found, Took: r.Took, As: r.As, Nodes: r.Nodes, Checked: n.cfg.Now()}
	switch {
	case r.Found:
	case r.Nodes == 0:
		reach.Why = n.unanswered().Why
	case r.Alike.IsValid():
		reach.As = r.Alike
		reach.Why = n.unreached("dht-other-address", fmt.Sprintf("they find %v, which may be you behind a NAT, but is not known to be", r.Alike),
			"wait until others have told us our address; potluck status shows it").Why
	default:
		reach.Why = n.unreached("dht-not-found", fmt.Sprintf("%d nodes were asked, and none names you", r.Nodes), "wait: it is announced and looked up again").Why
	}
	return reach
}

// unreached is that others do not find something, as of now.
func (n *Node) unreached(code, why, hint string) news.Reach {
	return news.Reach{Checked: n.cfg.Now(), Why: fault.New(fault.ExitBlocked, code, why, hint, nil)}
}
