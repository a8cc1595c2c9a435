package swarm

import (
	"math"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/admission"
)

// Seats bounds the connections of several swarms together, and the attempts at some.
type Seats = admission.Seats

// NewSeats makes as many seats.
func NewSeats(most int) *Seats { return admission.NewSeats(most) }

// turnOver is for a swarm that has connections enough, and knows of somebody else: it sends one peer away for his sake, if
// one is worth less. Whoever is dialled then has the place: a crowd that comes to us does not get it.
func (s *Swarm) turnOver(now time.Time) bool {
	if !s.table.MayTurn(now) || len(s.list) >= 2*s.cfg.MaxPeers {
		return false
	}
	network, due := s.book.Due(now)
	if !due {
		return false
	}
	staying, rows := s.settled(now)
	i, ok := s.table.TurnOver(now, network, rows)
	if ok {
		s.kick(staying[i], ErrFull)
	}
	return ok
}

// makeRoom sends the peer away that makes room for somebody who connects when there are connections enough, if one does.
func (s *Swarm) makeRoom(now time.Time, addr netip.AddrPort) bool {
	rank, ranked := s.book.Rank(addr)
	newcomer := admission.Peer{Network: addressbook.Network(addr.Addr()), Rank: rank}
	staying, rows := s.settled(now)
	i, ok := s.table.MakeRoom(newcomer, s.table.HasShare(s.book.Load(addr.Addr())), ranked, rows)
	if ok {
		s.kick(staying[i], ErrFull)
	}
	return ok
}

// reserved reports whether the last places are for those who are being dialled, and addr is of a network that has its share.
func (s *Swarm) reserved(addr netip.AddrPort, staying int) bool {
	return staying+s.book.Dialling() >= s.cfg.MaxPeers && s.table.HasShare(s.book.Load(addr.Addr()))
}

// settled are the peers that were not sent away, and what the table has to know of each.
func (s *Swarm) settled(now time.Time) (staying []*peer, rows []admission.Peer) {
	for _, p := range s.list {
		if p.kicked != nil {
			continue
		}
		rank, known := s.book.Rank(p.addr)
		if !known {
			rank = math.MaxUint32 // our address of the other family says nothing about it
		}
		staying = append(staying, p)
		rows = append(rows, admission.Peer{
			Network: addressbook.Network(p.addr.Addr()), Moved: p.moved(), Lasted: now.Sub(p.connected), Rank: rank,
			Stays: p.outgoing && s.book.Named(p.addr),
		})
	}
	return staying, rows
}

// moved is the payload that went over a connection.
func (p *peer) moved() int64 { return p.conv.Downloaded() + p.conv.Uploaded() }

// staying is how many peers there are that were not sent away.
func (s *Swarm) staying() (n int) {
	for _, p := range s.list {
		if p.kicked == nil {
			n++
		}
	}
	return n
}
