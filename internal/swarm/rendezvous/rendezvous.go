// Package rendezvous keeps what the peers of one object have to do with hole punching (BEP 55), and how much of it there may be:
// two peers that nobody can connect to meet, because a third that is connected with both tells them to connect to each other at
// the same time. It does no I/O; the swarm's lock guards it.
//
//	initiator -- rendezvous --> relay
//	initiator <--- connect ---- relay ---- connect ---> target
//	initiator <------------------ uTP ----------------> target
//
// Everything said in it is a stranger's claim, and a stranger may want us to send packets to somebody who has nothing to do with
// it. So each peer is heeded only now and then, in each of the three roles, and what is remembered of it is bounded.
package rendezvous

import (
	"net/netip"
	"slices"
	"time"
)

const (
	// maxKnown is how many addresses are remembered that one peer has told of. BEP 11 has 50 of them in a message.
	maxKnown = 200
	// maxAsked is how many questions to one peer are remembered that it has not answered.
	maxAsked = 16
	// maxExpected is how many meetings of one object are remembered, and expectedFor how long each.
	maxExpected = 64
	expectedFor = time.Minute
)

// Bounds of how often one peer takes part: so many at once, and one in so long.
var (
	// What we carry out in the middle for one initiator, and the calls that one target gets from us.
	serving = rate{burst: 10, every: 6 * time.Second}
	calling = rate{burst: 20, every: 3 * time.Second}
	// What we ask of one relay, which is less than it would carry out if it were one of us.
	asking = rate{burst: 8, every: 8 * time.Second}
	// The calls of one relay that we heed, and those of all.
	heeding    = rate{burst: 6, every: 10 * time.Second}
	heedingAll = rate{burst: 24, every: 2500 * time.Millisecond}
)

// Party is what one peer has to do with it. The zero value is a peer of which nothing is known.
type Party struct {
	known addresses // that it says punch holes, and to which it is connected
	asked addresses // with which it was asked to bring us together

	served, called, questioned, heeded account
}

// Told notes that the peer is connected with somebody who punches holes.
func (p *Party) Told(addr netip.AddrPort) { p.known.add(addr, maxKnown) }

// Forget takes that back.
func (p *Party) Forget(addr netip.AddrPort) { p.known.remove(addr) }

// Knows reports whether the peer can be asked to bring us together with an address.
func (p *Party) Knows(addr netip.AddrPort) bool { return p.known.has(addr) && !p.asked.has(addr) }

// Ask notes that the peer is asked for an address, unless it was asked for too many already.
func (p *Party) Ask(now time.Time, addr netip.AddrPort) bool {
	if !asking.allows(now, &p.questioned) {
		return false
	}
	p.asked.add(addr, maxAsked)
	return true
}

// Failed notes that the peer cannot bring us together with an address, and reports whether it was asked to.
func (p *Party) Failed(addr netip.AddrPort) bool {
	if !p.asked.remove(addr) {
		return false
	}
	p.Forget(addr)
	return true
}

// Called notes that the peer has told us to connect to an address. If it was asked for another port of that host, this is the answer:
// where a host listens and where its uTP comes from may differ.
func (p *Party) Called(addr netip.AddrPort) {
	p.asked = slices.DeleteFunc(p.asked, func(a netip.AddrPort) bool { return a.Addr() == addr.Addr() })
}

// MayAsk reports whether one more rendezvous is carried out for the peer.
func (p *Party) MayAsk(now time.Time) bool { return serving.allows(now, &p.served) }

// MayCall reports whether the peer may be told once more, at others' request, to connect to somebody.
func (p *Party) MayCall(now time.Time) bool { return calling.allows(now, &p.called) }

// Desk is what is common to all peers of an object. The zero value is ready.
type Desk struct {
	heeded   account
	expected []meeting
}

// meeting is somebody whose connection we expect.
type meeting struct {
	addr  netip.AddrPort
	until time.Time
}

// Heed reports whether we connect to an address because a peer, the relay, says so.
func (d *Desk) Heed(now time.Time, relay *Party) bool {
	return heeding.allows(now, &relay.heeded) && heedingAll.allows(now, &d.heeded)
}

// Expect notes that we are to meet somebody now.
func (d *Desk) Expect(now time.Time, addr netip.AddrPort) {
	d.expected = slices.DeleteFunc(d.expected, func(m meeting) bool { return m.addr == addr || now.After(m.until) })
	if len(d.expected) == maxExpected {
		d.expected = slices.Delete(d.expected, 0, 1)
	}
	d.expected = append(d.expected, meeting{addr, now.Add(expectedFor)})
}

// Expects reports whether we are to meet somebody now.
func (d *Desk) Expects(now time.Time, addr netip.AddrPort) bool {
	return slices.ContainsFunc(d.expected, func(m meeting) bool { return m.addr == addr && !now.After(m.until) })
}

// addresses is a list without doubles that forgets the oldest.
type addresses []netip.AddrPort

func (l addresses) has(a netip.AddrPort) bool { return slices.Contains(l, a) }

func (l *addresses) add(a netip.AddrPort, most int) {
	if l.has(a) {
		return
	}
	if len(*l) == most {
		*l = slices.Delete(*l, 0, 1)
	}
	*l = append(*l, a)
}

func (l *addresses) remove(a netip.AddrPort) bool {
	i := slices.Index(*l, a)
	if i >= 0 {
		*l = slices.Delete(*l, i, i+1)
	}
	return i >= 0
}
