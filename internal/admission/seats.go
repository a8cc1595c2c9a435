package admission

import (
	"net/netip"
	"sync"
)

// Seats bounds the connections of several swarms together, and the attempts at some. It is safe for concurrent use; a nil
// one has no end.
//
// The last quarter is for networks that hold less than a quarter: a crowd that comes to many objects does not get it.
type Seats struct {
	most int

	mu       sync.Mutex
	taken    int
	held     map[netip.Prefix]int
	halfOpen int
}

const (
	// maxHalfOpen bounds the attempts that are under way. Some routers and providers take many for an attack.
	maxHalfOpen = 100
	// leastShare is what any network may hold.
	leastShare = 16
)

// NewSeats makes as many seats.
func NewSeats(most int) *Seats { return &Seats{most: most, held: make(map[netip.Prefix]int)} }

// Full reports whether all seats are taken.
func (s *Seats) Full() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken >= s.most
}

// Take takes a seat for somebody of a network, if there is one for it.
func (s *Seats) Take(network netip.Prefix) bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= s.most || s.taken >= s.most-s.most/4 && s.held[network] >= max(s.most/4, leastShare) {
		return false
	}
	s.taken++
	s.held[network]++
	return true
}

// Free gives the seat of somebody of a network back.
func (s *Seats) Free(network netip.Prefix) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.held[network]--; s.held[network] == 0 {
		delete(s.held, network)
	}
}

// MayDial reports whether one more attempt may be under way.
func (s *Seats) MayDial() bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halfOpen < maxHalfOpen
}

// Dialling counts attempts in or out.
func (s *Seats) Dialling(by int) {
	if s == nil || by == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halfOpen += by
}
