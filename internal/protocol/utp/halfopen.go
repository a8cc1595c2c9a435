package utp

import (
	"net/netip"
	"time"
)

// halfOpenFor is how long a peer may take to prove its address: for a few SYNs sent again.
const halfOpenFor = 10 * time.Second

// maxGuesses is how often an address may be proven wrongly.
const maxGuesses = 3

// key names a connection at our end.
type key struct {
	remote netip.AddrPort
	recvID uint16
}

// halfOpen is what is kept of a SYN whose sender may be somebody else. It has proven its address when it acknowledges a number
// that only our answer told.
type halfOpen struct {
	key
	seq     uint16 // our first
	ack     uint16 // of the SYN
	guesses int
	expires time.Time

	older, newer *halfOpen
}

// halfOpens holds the half-open connections, in the order of their age. They have no timers and no buffers.
type halfOpens struct {
	byKey          map[key]*halfOpen
	perAddr        map[netip.Prefix]int
	oldest, newest *halfOpen
}

func newHalfOpens() halfOpens {
	return halfOpens{byKey: map[key]*halfOpen{}, perAddr: map[netip.Prefix]int{}}
}

// neighbourhood is what counts as one address: who has an IPv6 address has a whole /64.
func neighbourhood(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // these lengths are always right
	return p
}

// add makes room for h by dropping what is too old, or the oldest of its address or of all, and puts it in.
func (s *halfOpens) add(now time.Time, h *halfOpen, limit, perAddr int) {
	for s.oldest != nil && (len(s.byKey) >= limit || !now.Before(s.oldest.expires)) {
		s.remove(s.oldest)
	}
	near := neighbourhood(h.remote.Addr())
	for old := s.oldest; old != nil && s.perAddr[near] >= perAddr; old = old.newer {
		if neighbourhood(old.remote.Addr()) == near {
			s.remove(old)
		}
	}
	s.byKey[h.key] = h
	s.perAddr[near]++
	if h.older = s.newest; h.older != nil {
		h.older.newer = h
	} else {
		s.oldest = h
	}
	s.newest = h
}

func (s *halfOpens) remove(h *halfOpen) {
	delete(s.byKey, h.key)
	near := neighbourhood(h.remote.Addr())
	if s.perAddr[near]--; s.perAddr[near] == 0 {
		delete(s.perAddr, near)
	}
	if h.older != nil {
		h.older.newer = h.newer
	} else {
		s.oldest = h.newer
	}
	if h.newer != nil {
		h.newer.older = h.older
	} else {
		s.newest = h.older
	}
}

// prove reports whether an acknowledgement is the one that proves the address. After a few wrong ones the rest is not heard, for
// there are only 2^16 of them.
func (h *halfOpen) prove(now time.Time, ack uint16) bool {
	if h.guesses >= maxGuesses || !now.Before(h.expires) {
		return false
	}
	if ack != h.seq-1 {
		h.guesses++
		return false
	}
	return true
}
