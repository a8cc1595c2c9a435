package gate

import (
	"math"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/admission"
)

// turnOver is for when there are connections enough, and somebody else is known: one guest leaves for his sake, if one is worth
// less. Whoever is dialled then has the place: a crowd that comes to us does not get it.
func (g *Gate) turnOver(now time.Time) Leaver {
	if !g.table.MayTurn(now) || len(g.guests) >= 2*g.most {
		return Leaver{}
	}
	network, due := g.book.Due(now)
	if !due {
		return Leaver{}
	}
	staying, rows := g.settled(now)
	if i, ok := g.table.TurnOver(now, network, rows); ok {
		return Leaver{staying[i], ErrFull}
	}
	return Leaver{}
}

// makeRoom is the guest that makes room for somebody who connects when there are connections enough, if one does.
func (g *Gate) makeRoom(now time.Time, addr netip.AddrPort) Leaver {
	rank, ranked := g.book.Rank(addr)
	newcomer := admission.Peer{Network: addressbook.Network(addr.Addr()), Rank: rank}
	staying, rows := g.settled(now)
	if i, ok := g.table.MakeRoom(newcomer, g.table.HasShare(g.book.Load(addr.Addr())), ranked, rows); ok {
		return Leaver{staying[i], ErrFull}
	}
	return Leaver{}
}

// reserved reports whether the last places are for those who are being dialled, and ip is of a network that has its share.
func (g *Gate) reserved(ip netip.Addr, staying int) bool {
	return staying+g.book.Dialling() >= g.most && g.table.HasShare(g.book.Load(ip))
}

// settled are the guests that were not sent away, and what the table has to know of each.
func (g *Gate) settled(now time.Time) (staying []*Guest, rows []admission.Peer) {
	for _, x := range g.guests {
		if x.Kicked != nil {
			continue
		}
		rank, known := g.book.Rank(x.Addr)
		if !known {
			rank = math.MaxUint32 // our address of the other family says nothing about it
		}
		staying = append(staying, x)
		rows = append(rows, admission.Peer{
			Network: addressbook.Network(x.Addr.Addr()), Moved: x.Moved(), Lasted: now.Sub(x.Since), Rank: rank,
			Stays: x.Outgoing && g.book.Named(x.Addr),
		})
	}
	return staying, rows
}
