package pex

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

const (
	// hearPace is how often a partner may tell us something: a minute, less what a clock or a queue may take off.
	hearPace = 50 * time.Second
	// hearAhead is how many messages a partner may be early: some send a second one right behind the first.
	hearAhead = 2
	// maxHeard is how many peers of one message are heeded.
	maxHeard = 50
	// maxEarly is how many messages in a row may come too early before that is more than carelessness.
	maxEarly = 20
)

// bucket counts the messages of a partner.
type bucket struct {
	paid  time.Time // what has been heard would have been on time until then
	early int       // messages that came too early, since the last that did not
}

// Hear returns the peers of a partner's message that are worth a look, at most 50: hints, which the caller has to check.
// A message that comes too early counts as not sent. An error is the partner's fault; BEP 11: "Clients may disconnect
// peers that egregiously violate these constraints."
//
// What the partner says is gone is not heeded, and what it said before is not kept, so it can fill no memory of ours.
func (x *Exchange) Hear(now time.Time, p *Partner, m peer.PEX) ([]peer.PEXPeer, error) {
	h := &p.heard
	if h.paid.Before(now) {
		h.paid = now
	}
	if h.paid.Sub(now) > hearAhead*hearPace {
		if h.early++; h.early > maxEarly {
			return nil, peer.ProtocolError("floods us with PEX messages")
		}
		return nil, nil
	}
	h.paid = h.paid.Add(hearPace)
	h.early = 0
	return distinct(m.Added), nil
}

// distinct keeps one peer of each address. BEP 11: "Duplicate IP addresses (e.g. with different ports) should be ignored",
// for they could all be one victim. On our own machine it is rather that several nodes run there.
func distinct(added []peer.PEXPeer) []peer.PEXPeer {
	var list []peer.PEXPeer
	seen := make(map[netip.Addr]bool, maxHeard)
	for _, p := range added {
		if len(list) == maxHeard {
			break
		}
		if a := p.Addr.Addr(); tellable(p.Addr) && (!seen[a] || a.IsLoopback()) {
			seen[a] = true
			list = append(list, p)
		}
	}
	return list
}
