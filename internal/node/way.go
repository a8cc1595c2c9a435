package node

import (
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/news"
)

// Conditions are how the parts of the only way are that we may take; none if we may take any.
func (n *Node) Conditions() []netx.Condition { return netx.Conditions(n.cfg.Network) }

// isExposed reports whether whoever hears from us sees the address that the system takes, since we are confined to no other way.
func isExposed(nw netx.Network) bool { return len(netx.Conditions(nw)) == 0 }

// watchWay tells the user when that way is closed, and when it is open again.
func (n *Node) watchWay() {
	if n.cfg.Silent || isExposed(n.cfg.Network) {
		return
	}
	told, limits := "", ""
	for {
		changed := netx.Changed(n.cfg.Network)
		closed := ""
		if err := netx.NoWay(n.cfg.Network); err != nil {
			closed = err.Error()
		}
		switch {
		case closed == told:
		case closed != "":
			n.tellWay(closed + "; nothing is sent")
		default:
			n.tellWay("the network is back; everything goes on")
			n.rooms.Stirring.Poke()
		}
		told = closed
		for _, c := range n.Conditions() {
			if c.Streams != "" && c.Streams != limits {
				limits = c.Streams
				n.tellWay(c.Via + " passes on TCP only, so there is no DHT, no uTP and no UDP tracker: " + c.Streams)
			}
		}
		select {
		case <-changed:
		case <-n.life.Done():
			return
		}
	}
}

func (n *Node) tellWay(text string) {
	n.cfg.Log.Warn("network: " + text)
	n.feed.Publish(news.Event{Kind: news.EventNetwork, Text: text})
}
