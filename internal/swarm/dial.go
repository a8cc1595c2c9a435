package swarm

import (
	"errors"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
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

// maxDialling bounds the attempts of one object that are under way.
const maxDialling = 16

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
// shell must report how it went: by Join, or by DialFailed.
func (s *Swarm) NextDial(now time.Time) (addr netip.AddrPort, try int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.moving() || s.book.Dialling() >= maxDialling || !s.cfg.Seats.MayDial() {
		return addr, 0, false
	}
	defer s.countDials()
	if s.staying()+s.book.Dialling() >= s.cfg.MaxPeers || s.cfg.Seats.Full() {
		if !s.turnOver(now) {
			addr, ok = s.book.Feel(now)
			return addr, 0, ok
		}
	}
	return s.book.Next(now)
}

// DialFailed is told that no connection came of an address.
func (s *Swarm) DialFailed(now time.Time, addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// If it failed because Join refused it, that is noted already.
	s.book.Failed(now, addr)
	s.countDials()
	s.wake()
}

// DialAgain asks whether an address that is being dialled may be tried at once in another way. Each way is a try.
func (s *Swarm) DialAgain(addr netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Again(addr)
}

// countDials tells the seats how many attempts of this object are under way.
func (s *Swarm) countDials() {
	s.cfg.Seats.Dialling(s.book.Dialling() - s.dials)
	s.dials = s.book.Dialling()
}

// outcome is what the end of a connection means for its address.
func outcome(cause error) addressbook.Outcome {
	switch {
	case errors.Is(cause, ErrSelf):
		return addressbook.Self
	case errors.Is(cause, ErrNotMoving), errors.Is(cause, errStopped):
		return addressbook.Stopped
	case errors.Is(cause, ErrFull), errors.Is(cause, ErrDuplicate):
		return addressbook.Unneeded
	case errors.Is(cause, errUseless):
		return addressbook.Useless
	case errors.Is(cause, errFelt):
		return addressbook.Felt
	}
	return addressbook.Broken
}

// book names the address that stands for a peer among those that could be dialled; none does for one that told us none.
func (p *peer) book() netip.AddrPort {
	if p.outgoing {
		return p.addr
	}
	return p.listen
}

// SavedPeers lists the peers that the next run should know, the most useful first, at most so many.
func (s *Swarm) SavedPeers(now time.Time, most int) []addressbook.Saved {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list {
		s.noteMoved(now, p)
	}
	return s.book.Save(most)
}

// RestorePeers makes known whom an earlier run saved. The caller has checked that they may be dialled.
func (s *Swarm) RestorePeers(list []addressbook.Saved) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.Restore(list)
	s.wake()
}

// noteMoved tells the book what payload went over a connection since it was last told.
func (s *Swarm) noteMoved(now time.Time, p *peer) {
	if moved := p.moved(); moved > p.noted {
		s.book.Moved(now, p.book(), moved-p.noted)
		p.noted = moved
	}
}
