package swarm

import "github.com/potluck-p2p/potluck/internal/swarm/gate"

// checkUseful ends a connection that is of use to neither side, as all good clients do: both are complete, or neither wants
// anything that the other has (BEP 21).
func (s *Swarm) checkUseful(p *peer) error {
	switch {
	case !p.started || s.state != Seeding && s.state != Fetching:
		return nil // one of us needs the metadata
	case s.state == Seeding && s.have.Full() && p.have.Full(), s.idleWith(p):
		return gate.ErrUseless
	}
	return nil
}

// dropUseless is checkUseful for a peer that did nothing itself.
func (s *Swarm) dropUseless(p *peer) {
	if err := s.checkUseful(p); err != nil {
		s.kick(p, err)
	}
}

// idleWith reports whether a peer wants nothing more of anybody, and there is nothing that we want of it.
func (s *Swarm) idleWith(p *peer) bool {
	c := p.conv
	switch {
	case !c.PeerUploadOnly(), c.PeerInterested(), c.AmInterested(), c.LacksMetadata():
		return false
	case s.hashes.Lacking():
		return false // it may have the hashes that we lack
	}
	// What a peer rejected a moment ago it is asked for again, and what it has it may be about to say.
	return s.state == Seeding || c.ToldHave() && len(p.refused) == 0 && !s.sched.Interesting(p.id)
}
