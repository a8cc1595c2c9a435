package swarm

import (
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// snub takes back what a peer that sends nothing was asked for, so that others are asked. An error ends the connection.
func (s *Swarm) snub(now time.Time, p *peer) error {
	if s.sched == nil || p.Kicked != nil {
		return nil
	}
	stalled := s.sched.Receiving(p.id) && !now.Before(p.conv.Stalls())
	if !stalled && !p.conv.Snubbed(now) {
		return nil
	}
	p.conv.DropRequests(now)
	s.sched.ReleaseAll(p.id)
	s.stir(now)
	if s.sched.Receiving(p.id) {
		// Nobody else can be asked for a block while it arrives.
		return wire.ProtocolError("stopped in the middle of a block")
	}
	return nil
}

// lapseAfter is how long a peer may be unchoked and say nothing until others get its slot.
const lapseAfter = 40 * time.Second

// stalledAfter is how long a peer may be unchoked and ask for nothing until its slot no longer counts.
const stalledAfter = 2 * time.Second

// stalled reports whether a peer is unchoked and takes nothing: it does not read, or asks for nothing.
func (p *peer) stalled(now time.Time) bool {
	switch {
	case p.conv.AmChoking():
		return false
	case p.stuck:
		return true
	case p.handed || p.conv.Queued() > 0:
		return false
	}
	return now.Sub(p.unchokedAt) >= stalledAfter && now.Sub(p.askedAt) >= stalledAfter
}

// lapsed reports whether a peer makes no use of its slot: it may ask, and asks for nothing. Its next word is its next
// application.
func (p *peer) lapsed(now time.Time) bool {
	return !p.conv.AmChoking() && p.conv.Queued() == 0 && now.Sub(p.unchokedAt) >= lapseAfter && p.conv.Silent(now) >= lapseAfter
}
