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
	for _, p := range s.peers {
		if !p.started || p.kicked != nil {
			continue
		}
		dst = append(dst, choker.Peer{
			ID:                   uint64(p.id),
			Object:               object,
			Interested:           p.conv.PeerInterested(),
			Unchoked:             !p.conv.AmChoking(),
			DownRate:             p.conv.DownRate(now),
			UpRate:               p.conv.UpRate(now),
			Seeding:              s.state == Seeding,
			Connected:            p.connected,
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
	for _, p := range s.peers {
		if !p.started {
			continue
		}
		give := unchoke(p.id)
		if give == !p.conv.AmChoking() {
			continue
		}
		if give {
			p.unchokedAt, p.sinceUnchoke = now, 0
		}
		p.conv.SetChoking(!give)
		p.wake()
	}
}

// allowedFast is the set of pieces a peer may have while choked. BEP 6 leaves k to the sender and suggests ten.
func (s *Swarm) allowedFast(p *peer) []int {
	var have []int
	for _, i := range bittorrent.AllowedFastSet(10, s.content.Layout.Pieces(), s.cfg.InfoHash.Wire()[0], p.addr.Addr()) {
		if s.have.Has(i) {
			have = append(have, i)
		}
	}
	return have
}
