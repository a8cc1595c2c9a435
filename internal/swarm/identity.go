package swarm

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/identity"
)

// Pin is what is known of who is at an address.
type Pin = addressbook.Pin

// FoundNode is Found for addresses at which a certain node is, and nobody else is meant.
func (s *Swarm) FoundNode(origin Origin, key identity.Key, addrs ...netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addrs {
		s.book.Add(origin, netip.Addr{}, a)
		s.book.SetPin(a, Pin{Key: key, By: origin})
	}
	s.wake()
}

// Pin is what is known of who is at an address.
func (s *Swarm) Pin(addr netip.AddrPort) Pin {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Pin(addr)
}

// Unpin forgets who was at an address: there is nobody any more who proves it. What the user or the link says stays.
func (s *Swarm) Unpin(addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.Unpin(addr)
}

// ownPrefix begins the peer id of this program (BEP 20).
var ownPrefix = []byte("-PK")

// tellsKey reports whether a peer is told our key: one that has dialled us, so that it could dial us again by TLS, and calls
// itself by our program's name. Who is dialled tells, who dials does not: whoever knows where we listen can have our key from
// us, while those whom we dial have no way to learn who we are.
func (s *Swarm) tellsKey(j *Joining) bool {
	return !j.Outgoing && j.Key.IsZero() && bytes.HasPrefix(j.Remote.PeerID[:], ownPrefix)
}

// keyTold hears which key a peer that we dialled says it has. It may be anybody's word, until that peer proves it.
func (p *peer) keyTold(key identity.Key) {
	if p.upgrade != nil && p.Key.IsZero() && !key.IsZero() {
		p.upgrading = true
		p.upgrade(key)
	}
}

// NotUpgraded is told that a peer which we dialled has not proven what it said: it stays what it is.
func (s *Swarm) NotUpgraded(now time.Time, addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list {
		if p.upgrading && p.Addr == addr {
			p.upgrading = false
			s.fill(now, p)
			p.wake()
		}
	}
}
