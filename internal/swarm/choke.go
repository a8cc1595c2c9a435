package swarm

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
)

// Applicants appends to dst what the choker must know of every peer. object is the node's number of this swarm; a peer's ID
// there is unique only together with it.
func (s *Swarm) Applicants(now time.Time, object uint64, dst []choker.Peer) []choker.Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.content == nil || !s.moving() {
		return dst
	}
	for _, p := range s.list {
		if !p.started || p.Kicked != nil {
			continue
		}
		dst = append(dst, choker.Peer{
			ID:                   uint64(p.id),
			Object:               object,
			Interested:           p.conv.PeerInterested() && !p.conv.PeerUploadOnly() && !p.lapsed(now),
			Unchoked:             !p.conv.AmChoking(),
			Stalled:              p.stalled(now),
			DownRate:             p.conv.DownRate(now),
			UpRate:               p.conv.UpRate(now),
			Seeding:              s.state == Seeding,
			Connected:            p.Since,
			LastUnchoke:          p.unchokedAt,
			UploadedSinceUnchoke: p.sinceUnchoke,
			Need:                 1 - float64(p.have.Count())/float64(max(1, p.have.Len())),
		})
	}
	return dst
}

// Grant unchokes the peers for which unchoke is true and chokes all others.
func (s *Swarm) Grant(now time.Time, unchoke func(PeerID) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list {
		if !p.started || p.Kicked != nil {
			continue
		}
		give := unchoke(p.id)
		if give == !p.conv.AmChoking() {
			if !give && p.conv.PeerInterested() {
				s.allowFast(p)
			}
			continue
		}
		if give {
			p.unchokedAt, p.sinceUnchoke = now, 0
		}
		p.conv.SetChoking(!give)
		s.offer(now, p)
		s.suggest(now, p)
		p.wake()
	}
}

// Bounds of what a peer may have while choked. BEP 6 leaves both to the sender: "We currently set k to 10", and k "should be
// small enough to avoid abuse".
const (
	fastPieces = 10
	fastBytes  = 16 << 20
)

// allowFast tells a peer that has to wait for a slot which pieces it may have while choked: as many of the canonical set as are
// within fastBytes and we have. It may have each of them once. Who need not wait is not told: neighbours all have the same set.
func (s *Swarm) allowFast(p *peer) {
	if p.fastTold || s.super != nil {
		return
	}
	p.fastTold = true
	l := s.content.Layout
	k := min(fastPieces, max(1, int(fastBytes/l.PieceLength())))
	var pieces []int
	for _, i := range bittorrent.AllowedFastSet(k, l.Pieces(), s.cfg.InfoHash.Wire()[0], p.Addr.Addr()) {
		if s.have.Has(i) {
			pieces = append(pieces, i)
			p.fastLeft += int64(l.PieceSize(i))
		}
	}
	p.conv.AllowFast(pieces)
	p.wake()
}
