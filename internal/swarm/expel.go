package swarm

import "net/netip"

// Expel sends the peers away whose addresses are no longer wanted.
func (s *Swarm) Expel(why error, unwanted func(netip.Addr) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list {
		if unwanted(p.Addr.Addr()) {
			s.kick(p, why)
		}
	}
}
