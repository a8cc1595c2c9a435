package swarm

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/scheduler"
)

// Prefer changes how much the wanted pieces are wanted. Which pieces are wanted at all stays as it was when the swarm was
// opened: the store has made its files for these.
func (s *Swarm) Prefer(now time.Time, priority func(piece int) scheduler.Priority) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.content == nil {
		return
	}
	for i := range s.content.Layout.Pieces() {
		if p := priority(i); p != scheduler.None && s.wantedOf(i) > 0 {
			s.sched.SetWanted(i, p)
		}
	}
	s.stir(now)
	s.wake()
}
