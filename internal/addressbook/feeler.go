package addressbook

import (
	"net/netip"
	"time"
)

// A feeler goes out every leastFeeling to mostFeeling while there are connections enough: without it nobody would know which
// of the addresses live when one is needed, and a crowd that holds all connections could hold them for good.
const (
	leastFeeling = time.Minute
	mostFeeling  = 3 * time.Minute
	// feelDraws is how often an address is drawn until it is one that nobody has tried.
	feelDraws = 8
)

// Feel picks now and then an address that was never tried, only to see whether somebody is there. It is drawn by lot, first
// its network, so that a crowd is not asked more often than anybody else. How it went must be reported, by Left.
func (b *Book) Feel(now time.Time) (addr netip.AddrPort, ok bool) {
	if now.Before(b.feelAt) {
		return addr, false
	}
	first := b.feelAt.IsZero()
	b.feelAt = now.Add(leastFeeling + time.Duration(b.rng.Int64N(int64(mostFeeling-leastFeeling))))
	if first || b.due(now) == nil {
		return addr, false
	}
	for range feelDraws {
		n := b.ready.list[b.rng.IntN(len(b.ready.list))]
		e := n.ready.list[b.rng.IntN(len(n.ready.list))]
		if !e.tried && !b.Bans.Has(now, e.addr.Addr()) {
			b.dial(e, feeling)
			return e.addr, true
		}
	}
	return addr, false
}

// Feeling reports whether an address is being dialled only to see whether somebody is there.
func (b *Book) Feeling(addr netip.AddrPort) bool {
	e := b.table[unmap(addr)]
	return e != nil && e.phase == feeling
}
