package dht

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Pinging is a question whether a node is at an address.
type Pinging struct {
	sent, heardAt time.Time
	node          krpc.Node
	done          bool
}

// Ping asks whether a node is at an address.
func (n *Node) Ping(now time.Time, addr netip.AddrPort) *Pinging {
	p := &Pinging{sent: now}
	s := n.side(addr.Addr())
	if s == nil || !guard.Usable(addr, addr.Addr()) {
		p.done = true
		return p
	}
	n.ask(now, s, krpc.Node{Addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}, krpc.Query{Method: krpc.Ping}, p, 1)
	return p
}

// Result is the node that answered and after how long. Done tells whether it is known; if nobody answered, the node is zero.
func (p *Pinging) Result() (node krpc.Node, took time.Duration, done bool) {
	if p.node == (krpc.Node{}) {
		return krpc.Node{}, 0, p.done
	}
	return p.node, p.heardAt.Sub(p.sent), p.done
}

func (p *Pinging) answered(_ *Node, now time.Time, from krpc.Node, _ *krpc.Response) {
	p.node, p.heardAt, p.done = from, now, true
}

func (p *Pinging) failed(*Node, time.Time, krpc.Node, *krpc.Error) { p.done = true }
