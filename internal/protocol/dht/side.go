package dht

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/ownaddr"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/lookup"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/table"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// A side is what a node is in the DHT of one family of addresses. BEP 32: "There are two distinct DHTs: the IPv4 DHT, and the
// IPv6 DHT." The IDs are different ones, for each is bound to its address.
type side struct {
	family  krpc.Families
	id      krpc.ID
	mode    Mode
	table   *table.Table
	votes   ownaddr.Box
	own     netip.Addr // our address as most see it; it stays until they see another one
	density lookup.Density
	entry   entrance
}

func validNode(n krpc.Node) bool { return guard.ValidID(n.ID, n.Addr.Addr()) }

// side is the side a datagram from or to an address belongs to; nil if we do not take part there.
func (n *Node) side(a netip.Addr) *side {
	for _, s := range n.sides {
		if s.family == krpc.FamilyOf(a) {
			return s
		}
	}
	return nil
}

// nodesOf are the nodes of the side's family that somebody named.
func (s *side) nodesOf(r *krpc.Response) []krpc.Node {
	if s.family == krpc.IPv4 {
		return r.Nodes
	}
	return r.Nodes6
}

// toldAddress takes what a node says our address is. If most say it and our ID does not go with it, we take another one. What is
// not said across the internet, about an address there, says nothing.
func (n *Node) toldAddress(now time.Time, s *side, teller, says netip.Addr) {
	if says.IsUnspecified() || says.IsMulticast() || guard.IsLocal(says) || guard.IsLocal(teller) {
		return
	}
	if !s.votes.Cast(now, teller, says) {
		return
	}
	own, known := s.votes.Address(now)
	if !known || own == s.own {
		return
	}
	if s.own = own; !guard.ValidID(s.id, own) {
		s.id = guard.NewID(own, n.rng)
		s.table.Rekey(now, s.id)
		s.entry.again(now)
	}
}

// maintain does the chores of the table.
func (n *Node) maintain(now time.Time, s *side) {
	chores := s.table.Maintain(now)
	for _, node := range chores.Ping {
		if guard.Usable(node.Addr, node.Addr.Addr()) {
			n.ask(now, s, node, krpc.Query{Method: krpc.Ping}, tableTest{}, 0)
		}
	}
	for _, target := range chores.LookUp {
		n.walk(now, s, target, &refresh{}, upkeep, nil)
	}
}

// tableTest is why a node is pinged for the table, which hears of all answers anyway.
type tableTest struct{}

func (tableTest) answered(*Node, time.Time, krpc.Node, *krpc.Response) {}

func (tableTest) failed(*Node, time.Time, krpc.Node, *krpc.Error) {}
