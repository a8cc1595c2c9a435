package swarm

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/swarm/suggest"
)

// suggests reports whether we suggest pieces to peers: as a seed that owns up to all it has, while there is somebody to serve.
func (s *Swarm) suggests() bool {
	if s.state != Seeding || s.super != nil {
		s.desk = nil
		return false
	}
	if s.desk == nil {
		s.desk = suggest.New(s.have, s.content.Layout.PieceLength(), s.cfg.Rand.IntN(max(1, s.have.Len())))
		for _, p := range s.list {
			p.guest = suggest.Guest{}
			s.desk.HasAll(&p.guest, p.have)
		}
	}
	return true
}

// suggest tells a peer that is served which pieces to ask us for next, unless it has them.
func (s *Swarm) suggest(now time.Time, p *peer) {
	if p.conv.AmChoking() || !p.conv.Fast() || !s.suggests() {
		return
	}
	s.pieces = s.desk.Next(&p.guest, p.have, p.conv.UpRate(now), s.pieces[:0])
	for _, piece := range s.pieces {
		p.conv.Suggest(piece)
	}
	if len(s.pieces) > 0 {
		p.wake()
	}
}

// asked is told that a peer may have a piece that it asks for.
func (s *Swarm) asked(now time.Time, p *peer, piece int) {
	if s.desk != nil && s.suggests() && s.desk.Asked(&p.guest, piece) {
		s.suggest(now, p)
	}
}

// got is told that a peer has a piece.
func (s *Swarm) got(p *peer, piece int) {
	if s.desk != nil {
		s.desk.Has(&p.guest, piece)
	}
}

// gotMany is told that a peer has said all that it has.
func (s *Swarm) gotMany(p *peer) {
	if s.desk != nil {
		s.desk.HasAll(&p.guest, p.have)
	}
}

// suggested is told of a piece that we should ask a peer for. It is, if we want no other more.
func (s *Swarm) suggested(p *peer, piece int) {
	if s.state == Fetching && p.have.Has(piece) {
		s.sched.Suggest(p.id, piece)
	}
}
