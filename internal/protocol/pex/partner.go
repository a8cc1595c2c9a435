package pex

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// Partner is a peer that we exchange peers with: one connection, from the moment at which it says that it speaks ut_pex.
// It must be given to [Exchange.Part] when the connection ends.
type Partner struct {
	listen netip.AddrPort
	place  place
	told   set // slots of the peers that it was told of and that it was not told to be gone
	next   time.Time
	heard  bucket
}

// NewPartner begins an exchange with the peer at remote. listen is the address under which others are told of it, the zero
// value if that is not known.
func NewPartner(now time.Time, remote netip.Addr, listen netip.AddrPort) *Partner {
	return &Partner{
		listen: netip.AddrPortFrom(listen.Addr().Unmap(), listen.Port()),
		place:  placeOf(remote),
		next:   now.Add(patience),
	}
}

// pending returns who is to be told of as there, and as gone.
func (x *Exchange) pending(p *Partner) (added, dropped set) {
	added = x.here.without(p.told)
	// An address of our local network leads nowhere for somebody outside, and is none of their business.
	if p.place < loopback {
		added = added.without(x.loopback)
	}
	if p.place < private {
		added = added.without(x.private)
	}
	if i, known := x.index[p.listen]; known {
		added.put(i, false)
	}
	return added, p.told.without(x.here)
}

// Next is when Tell has something for a partner; ok is false as long as nothing is to be told. It changes with Join and
// Leave.
func (x *Exchange) Next(p *Partner) (at time.Time, ok bool) {
	added, dropped := x.pending(p)
	return p.next, !added.empty() || !dropped.empty()
}

// Tell returns the message to send to a partner now, if it is time and there is something to tell. Whoever came and went
// between two messages is not spoken of.
func (x *Exchange) Tell(now time.Time, p *Partner) (m peer.PEX, ok bool) {
	if now.Before(p.next) {
		return m, false
	}
	added, dropped := x.pending(p)
	for i := range dropped.all(0) {
		if len(m.Dropped) == maxTold {
			break
		}
		m.Dropped = append(m.Dropped, x.slots[i].peer.Addr)
		x.forget(p, i)
	}
	// With more than fit, the partners hear of different ones first.
	start := 0
	if added.count() > maxTold {
		start = x.rng.IntN(len(x.slots))
	}
	for i := range added.all(start) {
		if len(m.Added) == maxTold {
			break
		}
		m.Added = append(m.Added, x.slots[i].peer)
		p.told.put(i, true)
		x.slots[i].told++
	}
	if len(m.Added)+len(m.Dropped) == 0 {
		return m, false
	}
	p.next = now.Add(pace)
	return m, true
}

// forget takes back that a partner knows of a peer.
func (x *Exchange) forget(p *Partner, i int) {
	p.told.put(i, false)
	x.slots[i].told--
	x.release(i)
}

// Part ends the exchange with a partner.
func (x *Exchange) Part(p *Partner) {
	for i := range p.told.all(0) {
		x.forget(p, i)
	}
	p.told = nil
}
