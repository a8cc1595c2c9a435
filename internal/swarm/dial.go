package swarm

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/admission"
)

// Origin says who told us of an address.
type Origin = addressbook.Origin

// The origins of addresses.
const (
	FromUser    = addressbook.FromUser
	FromLink    = addressbook.FromLink
	FromPeer    = addressbook.FromPeer
	FromTracker = addressbook.FromTracker
	FromPEX     = addressbook.FromPEX
	FromLAN     = addressbook.FromLAN
	FromDHT     = addressbook.FromDHT
)

// Seats bounds the connections of several swarms together, and the attempts at some.
type Seats = admission.Seats

// NewSeats makes as many seats.
func NewSeats(most int) *Seats { return admission.NewSeats(most) }

// Found adds addresses to those that could be dialled. The caller has checked that they may be.
func (s *Swarm) Found(origin Origin, addrs ...netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addrs {
		s.book.Add(origin, netip.Addr{}, a)
	}
	s.wake()
}

// NextDial picks the next address to dial, if another connection is wanted, and says how often it was tried in vain. The
// shell must report how it went: by Join, by DialFailed, or by DialBarred.
func (s *Swarm) NextDial(now time.Time) (addr netip.AddrPort, try int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.moving() {
		return addr, 0, false
	}
	addr, try, leaves, ok := s.gate.Next(now)
	s.dismiss(leaves)
	return addr, try, ok
}

// DialFailed is told that no connection came of an address.
func (s *Swarm) DialFailed(now time.Time, addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate.Failed(now, addr)
	s.wake()
}

// DialBarred is told that an address was not reached since we have no way out ourselves: it is none the worse for that.
func (s *Swarm) DialBarred(now time.Time, addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate.Barred(now, addr)
	s.wake()
}

// DialAgain asks whether an address that is being dialled may be tried at once in another way. Each way is a try.
func (s *Swarm) DialAgain(addr netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Again(addr)
}

// SavedPeers lists the peers that the next run should know, the most useful first, at most so many.
func (s *Swarm) SavedPeers(now time.Time, most int) []addressbook.Saved {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gate.Save(now, most)
}

// RestorePeers makes known whom an earlier run saved. The caller has checked that they may be dialled.
func (s *Swarm) RestorePeers(list []addressbook.Saved) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.Restore(list)
	s.wake()
}
