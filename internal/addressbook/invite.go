package addressbook

import (
	"net/netip"
	"time"
)

// Invited is told that somebody is expected to connect from an address just now, so that it is worth dialling out of turn, and
// reports whether it may be; try is how often it was tried in vain. By is the peer that says so: one more hint, with the bounds of
// hints. However often somebody names a victim, it is dialled no more than any other address that does not answer.
// How it went must be reported, by Connected or by Left.
func (b *Book) Invited(now time.Time, by netip.Addr, addr netip.AddrPort) (try int, ok bool) {
	addr = unmap(addr)
	b.Add(FromPEX, by, addr)
	e := b.table[addr]
	switch {
	case e == nil, !e.idle(), b.Bans.Has(now, addr.Addr()):
		return 0, false
	case e.fails >= maxTries && e.origin.hint() && !e.proven() && now.Before(e.next):
		return 0, false
	}
	b.dial(e, dialling)
	return e.fails, true
}

// IsDialled reports whether an address is being dialled.
func (b *Book) IsDialled(addr netip.AddrPort) bool {
	e := b.table[unmap(addr)]
	return e != nil && (e.phase == dialling || e.phase == feeling)
}
