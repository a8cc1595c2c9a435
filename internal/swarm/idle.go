package swarm

import "time"

// IsIdle reports whether an object needs no looking after: nobody is connected or to be dialled now, nothing is to be fetched, and
// no rate is left to be shown falling. What ends that calls Wake; only addresses whose back-off ends do not.
func (s *Swarm) IsIdle(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case Resolving, Checking, Fetching:
		return false
	case Seeding:
		if _, due := s.book.Due(now); due || s.book.Dialling() > 0 || len(s.invited) > 0 {
			return false
		}
	}
	return len(s.list) == 0 && len(s.sources.All()) == 0 && s.down.Rate(now) == 0 && s.up.Rate(now) == 0
}
