// Package pex decides what peers tell each other about their peers (BEP 11): what to tell one of them and when, and how much
// of what one of them says is heeded. It is told who is connected and what the time is, and does no I/O.
//
// Only peers that we are connected to ourselves are told of, so that we do not spread what others made up. Which of them a
// partner has been told of is one bit for each; the difference to who is there now is the next message.
//
// An [Exchange] is one object's. It is not safe for concurrent use; the swarm's lock guards it. A private object has none:
// its peers come from its trackers alone (BEP 27).
package pex

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

const (
	// pace is the time between two messages to one partner. BEP 11: "Clients must batch updates to send no more than 1
	// PEX message per minute."
	pace = time.Minute
	// patience is how long a new partner waits for its first message, in which several peers may have come.
	patience = 5 * time.Second
	// maxTold bounds the added and the dropped peers of one message. BEP 11: "the combined amount of added v4/v6 contacts
	// should not exceed 50 entries. The same applies to dropped entries."
	maxTold = 50
	// maxSlots bounds the peers that are told of at one time.
	maxSlots = 1024
)

// Exchange is the peer exchange of one object.
type Exchange struct {
	rng   *rand.Rand
	slots []slot
	index map[netip.AddrPort]int
	here  set // slots whose peer is connected
	// Slots of peers that only some can reach.
	private  set // those in a local network
	loopback set // those on this machine
}

// slot is one peer that is connected, or of which some partner has yet to hear that it is not any more. Then it is free.
type slot struct {
	peer peer.PEXPeer
	told int // partners who know of it
}

// New makes the exchange of an object. The source of randomness decides who is told of first.
func New(rng *rand.Rand) *Exchange {
	return &Exchange{rng: rng, index: make(map[netip.AddrPort]int)}
}

// Join notes a peer that we are connected to, under the address at which it listens, or that its flags are others now. Whoever
// has been told of it is not told again. BEP 11: "A peer must only be included in an added field once a connection is
// successfully established".
func (x *Exchange) Join(addr netip.AddrPort, flags peer.PEXFlags) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if !tellable(addr) {
		return
	}
	i, known := x.index[addr]
	if !known {
		if i = x.free(); i < 0 {
			return
		}
		x.index[addr] = i
		x.private.put(i, placeOf(addr.Addr()) == private)
		x.loopback.put(i, placeOf(addr.Addr()) == loopback)
	}
	x.slots[i].peer = peer.PEXPeer{Addr: addr, Flags: flags}
	x.here.put(i, true)
}

// free finds a slot that is not in use, or makes one; -1 if there may be no more.
func (x *Exchange) free() int {
	if len(x.index) < len(x.slots) {
		for i := range x.slots {
			if x.slots[i].told == 0 && !x.here.has(i) {
				return i
			}
		}
	}
	if len(x.slots) == maxSlots {
		return -1
	}
	x.slots = append(x.slots, slot{})
	return len(x.slots) - 1
}

// Leave notes that we are not connected to a peer any more.
func (x *Exchange) Leave(addr netip.AddrPort) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if i, known := x.index[addr]; known {
		x.here.put(i, false)
		x.release(i)
	}
}

// release gives a slot back that nobody needs any more.
func (x *Exchange) release(i int) {
	if x.slots[i].told == 0 && !x.here.has(i) {
		delete(x.index, x.slots[i].peer.Addr)
	}
}

// tellable reports whether others could do anything with an address. A link-local one leads elsewhere for everyone.
func tellable(addr netip.AddrPort) bool {
	a := addr.Addr()
	return a.IsValid() && addr.Port() != 0 && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// place is from where an address can be reached.
type place uint8

const (
	public   place = iota
	private        // in a local network
	loopback       // on one machine
)

func placeOf(a netip.Addr) place {
	switch a = a.Unmap(); {
	case a.IsLoopback():
		return loopback
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return private
	}
	return public
}
