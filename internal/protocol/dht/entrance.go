package dht

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/table"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// JoinState is how far a node has got into the DHT.
type JoinState uint8

// States of joining.
const (
	Alone      JoinState = iota // it knows nobody, or nobody has answered
	Contacting                  // it asks the addresses it was given
	Joining                     // it looks for its neighbours
	Joined
)

// String is the state as people are told.
func (s JoinState) String() string {
	return [...]string{"alone", "contacting", "joining", "joined"}[s]
}

const (
	// maxContacts bounds the addresses waiting to be contacted, maxRemembered those to come back to when nobody is left.
	maxContacts   = 512
	maxRemembered = 256
	// contactsAtOnce is how many of them are asked at a time, and enoughContacts how many good nodes are enough to begin.
	contactsAtOnce = 16
	enoughContacts = 4
	// maxIntroduced bounds the nodes that the first contacts named.
	maxIntroduced = 64
	// fewNodes are so few that they may be an island: those we were given are asked again then.
	fewNodes = 2 * table.K
	// After a failure it waits from firstRetry to maxRetry.
	firstRetry = 5 * time.Second
	maxRetry   = 5 * time.Minute
	// By looking up our own ID again new neighbours and we find each other: soon after we came, for others may have come at
	// the same time, and then less and less often.
	firstNeighbours = 10 * time.Second
	neighbourhood   = 15 * time.Minute
)

// entrance is how a side gets into the DHT, and comes back if it has lost everybody. Addresses are asked for nodes near
// us, and with these our own ID is looked up: BEP 5, "the node should attempt to find the closest nodes in the DHT to itself".
type entrance struct {
	state      JoinState
	remembered []netip.AddrPort // where to begin: what we were given
	contacts   []netip.AddrPort // still to be asked
	asking     int
	introduced []krpc.Node   // by contacts
	due        time.Time     // the next attempt, or look-up of our own ID
	wait       time.Duration // until then
}

// give adds addresses to be contacted; those to be remembered are asked again when nobody else is left.
func (e *entrance) give(now time.Time, addrs []netip.AddrPort, remember bool) {
	for _, a := range addrs {
		if remember && len(e.remembered) < maxRemembered && !slices.Contains(e.remembered, a) {
			e.remembered = append(e.remembered, a)
		}
		if len(e.contacts) < maxContacts && !slices.Contains(e.contacts, a) {
			e.contacts = append(e.contacts, a)
		}
	}
	if e.state == Alone && len(e.contacts) > 0 {
		e.state, e.due = Contacting, now
	}
}

// again begins anew with the nodes that are known.
func (e *entrance) again(now time.Time) {
	if e.state == Joined {
		e.due, e.wait = now, 0
	}
}

// introduce keeps nodes that contacts named.
func (e *entrance) introduce(teller netip.Addr, nodes []krpc.Node) {
	for _, k := range nodes {
		if len(e.introduced) < maxIntroduced && guard.Usable(k.Addr, teller) {
			e.introduced = append(e.introduced, k)
		}
	}
}

// enter takes the next step into the DHT.
func (n *Node) enter(now time.Time, s *side) {
	e := &s.entry
	exhausted := e.asking == 0 && len(e.contacts) == 0
	due := !e.due.IsZero() && !now.Before(e.due)
	good := 0
	if e.state == Contacting || e.state == Alone || due { // not after every datagram: it takes long
		_, good = s.table.Len(now)
	}
	switch e.state {
	case Contacting:
		switch {
		case good >= enoughContacts, exhausted && good > 0:
			n.lookUpSelf(now, s)
		case exhausted:
			e.fail(now)
		}
	case Alone:
		switch {
		case good > 0: // somebody has found us
			n.lookUpSelf(now, s)
		case due:
			e.restart(now, s.table.All())
		}
	case Joined:
		switch {
		case due && good > 0:
			if good < fewNodes {
				e.give(now, e.remembered, false)
			}
			n.lookUpSelf(now, s)
		case due:
			e.restart(now, s.table.All())
		}
	}
	for e.asking < contactsAtOnce && len(e.contacts) > 0 && !n.calls.full() {
		to := krpc.Node{Addr: e.contacts[0]}
		e.contacts = e.contacts[1:]
		e.asking++
		n.ask(now, s, to, krpc.Query{Method: krpc.FindNode, Target: s.id}, contact{s}, 0)
	}
}

// lookUpSelf looks for our neighbours. Who has joined stays so meanwhile.
func (n *Node) lookUpSelf(now time.Time, s *side) {
	e := &s.entry
	introduced := e.introduced
	e.introduced, e.due = nil, time.Time{}
	if e.state != Joined {
		e.state = Joining
	}
	n.walk(now, s, s.id, &refresh{joins: true}, entering, introduced)
}

// restart contacts all that were ever of use.
func (e *entrance) restart(now time.Time, known []krpc.Node) {
	e.state = Contacting
	e.give(now, e.remembered, false)
	e.give(now, addresses(known), false)
	if len(e.contacts) == 0 {
		e.fail(now)
	}
}

// fail waits before the next attempt.
func (e *entrance) fail(now time.Time) {
	e.wait = min(max(2*e.wait, firstRetry), maxRetry)
	e.state, e.due = Alone, now.Add(e.wait)
	e.introduced = nil
}

// entered ends a look-up of our own ID, in which so many nodes answered.
func (e *entrance) entered(now time.Time, answered int) {
	switch {
	case answered == 0 && e.state == Joining:
		e.fail(now)
		return
	case e.state == Joining:
		e.state, e.wait = Joined, 0
	}
	e.wait = min(max(2*e.wait, firstNeighbours), neighbourhood)
	e.due = now.Add(e.wait)
}

// next is when there is something to do without an answer having come.
func (e *entrance) next() time.Time {
	if e.state == Contacting || e.state == Joining {
		return time.Time{}
	}
	return e.due
}

// contact is why an address is asked of which no ID is known.
type contact struct{ side *side }

func (c contact) answered(n *Node, now time.Time, from krpc.Node, r *krpc.Response) {
	c.side.entry.asking--
	c.side.entry.introduce(from.Addr.Addr(), c.side.nodesOf(r))
	n.enter(now, c.side)
}

func (c contact) failed(n *Node, now time.Time, _ krpc.Node, _ *krpc.Error) {
	c.side.entry.asking--
	n.enter(now, c.side)
}

// introduceOthers lets the sides that know nobody hear of the nodes that one of another family named.
func (n *Node) introduceOthers(now time.Time, from krpc.Node, r *krpc.Response) {
	for _, s := range n.sides {
		if s.entry.state == Alone && !now.Before(s.entry.due) && s.family != krpc.FamilyOf(from.Addr.Addr()) {
			s.entry.introduce(from.Addr.Addr(), s.nodesOf(r))
			s.entry.give(now, addresses(s.entry.introduced), false)
		}
	}
}

func addresses(nodes []krpc.Node) []netip.AddrPort {
	var list []netip.AddrPort
	for _, k := range nodes {
		list = append(list, k.Addr)
	}
	return list
}
