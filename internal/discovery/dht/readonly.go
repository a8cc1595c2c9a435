package dht

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Standing is whether strangers reach us.
type Standing uint8

// Standings.
const (
	Unknown   Standing = iota
	Reached            // a stranger has asked us something
	Unreached          // none has, though many nodes have known us for a while
)

// String is the standing as programs are told.
func (s Standing) String() string { return [...]string{"unknown", "reached", "unreached"}[s] }

// Reachability is whether strangers reach a node of ours over UDP: those that we had not written to before.
type Reachability struct {
	Standing Standing
	// At is when a stranger asked us last, or since when it is taken that none can.
	At time.Time
	// Strangers is how many have asked us since our address is the one it is.
	Strangers int
}

const (
	// hearing is how long strangers are waited for: all tables are refreshed twice meanwhile.
	hearing = 30 * time.Minute
	// hiding is how long we are read-only before we try to serve again, and trial for how long then.
	hiding = time.Hour
	trial  = 10 * time.Minute
	// glances is the time between two looks at how we stand in the DHT.
	glances = time.Minute
)

// readOnly decides whether a node of ours serves the DHT of one family, or is read-only (BEP 43), which is for "devices which are
// behind a restrictive NAT where hole punching has failed and the node is essentially uncontactable".
//
// A NAT or firewall that lets in only those that we wrote to is told by who asks us: in a DHT that knows us strangers do. It does
// no I/O, and is not safe for concurrent use.
type readOnly struct {
	family krpc.Families
	met    acquaintances
	mode   dht.Mode
	own    netip.Addr    // our address as most see it
	since  time.Time     // strangers might have come since then; zero: they could not, we are not known
	wait   time.Duration // for them
	due    time.Time
	crowd  crowd
	fact   Reachability
	told   Standing
}

// crowd is how many nodes there must be before it says something that no stranger asks.
type crowd struct {
	good int     // that we know
	all  float64 // that there are, for each of these
}

// strangers are so many. In a small DHT, where everybody knows everybody, nobody shall take himself to be unreached.
var strangers = crowd{good: 32, all: 2}

func (c crowd) isThere(s dht.SideStats) bool {
	return s.Good >= c.good && s.Network >= c.all*float64(s.Good)
}

func newReadOnly(family krpc.Families, rng *rand.Rand) *readOnly {
	return &readOnly{family: family, met: newAcquaintances(rng), crowd: strangers}
}

// wrote is told of a datagram that we send.
func (r *readOnly) wrote(now time.Time, to netip.Addr) { r.met.add(now, to) }

// heard is told of a datagram that came in. A stranger's query is proof that we are reached, whether we answer it or not. What
// comes from our local network, or by our own address, comes through no NAT.
func (r *readOnly) heard(now time.Time, from netip.Addr, query bool) {
	if query && netx.ScopeOf(from) == netx.Global && from != r.own && !r.met.has(now, from) {
		r.fact = Reachability{Reached, now, r.fact.Strangers + 1}
		r.since, r.wait = now, hearing
		if r.mode == dht.ReadOnly {
			r.mode, r.due = dht.Serving, now
		}
	}
	r.met.add(now, from)
}

// moved is told that the way to us is another one: what was found out is of no use any more.
func (r *readOnly) moved(now time.Time) {
	r.mode, r.since, r.due, r.fact = dht.Serving, time.Time{}, now, Reachability{}
}

// advance looks at how we stand in the DHT, and decides what we do for it.
func (r *readOnly) advance(now time.Time, s dht.SideStats) {
	if s.External != r.own {
		if r.own.IsValid() {
			r.moved(now)
		}
		r.own = s.External
	}
	if r.mode == dht.ReadOnly && now.Before(r.due) {
		return
	}
	// Where no address of ours is known, as in a network of local ones, there is no NAT to speak of, or more than one.
	known := s.State == dht.Joined && r.crowd.isThere(s) && s.External.IsValid()
	r.due = now.Add(glances)
	switch {
	case r.mode == dht.ReadOnly:
		r.mode, r.since, r.wait = dht.Serving, now, trial
	case !known:
		r.since = time.Time{}
	case r.since.IsZero():
		r.since, r.wait = now, hearing
	case now.Sub(r.since) >= r.wait:
		// "In such cases, time can be saved if the node can declare that it should not be contacted."
		r.mode, r.due = dht.ReadOnly, now.Add(hiding)
		if r.fact.Standing != Unreached {
			r.fact.Standing, r.fact.At = Unreached, now
		}
	}
}

// news reports whether the standing is another one than it was when it was asked last.
func (r *readOnly) news() bool {
	was := r.told
	r.told = r.fact.Standing
	return was != r.told
}

// next is when advance is to be called.
func (r *readOnly) next() time.Time { return r.due }
