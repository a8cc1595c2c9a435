package addressbook

import (
	"net/netip"
	"time"
)

// Next picks the next address to dial, and says how often it was tried in vain. How it went must be reported: by Connected,
// or by Left.
func (b *Book) Next(now time.Time) (addr netip.AddrPort, try int, ok bool) {
	e := b.due(now)
	if e == nil {
		return addr, 0, false
	}
	b.dial(e, dialling)
	return e.addr, e.fails, true
}

// Due reports whether an address is due that Next would pick, and its network.
func (b *Book) Due(now time.Time) (network netip.Prefix, ok bool) {
	e := b.due(now)
	if e == nil {
		return netip.Prefix{}, false
	}
	return e.network.prefix, true
}

// due is the address to be dialled next.
func (b *Book) due(now time.Time) *entry {
	for !b.waiting.empty() && !b.waiting.head().next.After(now) {
		b.ripen(b.waiting.head())
	}
	for !b.ready.empty() {
		e := b.ready.head().ready.head()
		until := b.Bans.until(e.addr.Addr())
		if !until.After(now) {
			return e
		}
		b.wait(e, until)
	}
	return nil
}

// dial is told that somebody connects to an address now.
func (b *Book) dial(e *entry, how phase) {
	b.unqueue(e)
	e.phase, e.tried, e.anchor = how, true, false
	b.dialing++
	b.burden(e.network, 1)
}

// endDial is told that this is over, one way or the other.
func (b *Book) endDial(e *entry) {
	if e.phase != dialling && e.phase != feeling {
		return
	}
	b.dialing--
	b.burden(e.network, -1)
}

// wait puts an entry among those that are not due.
func (b *Book) wait(e *entry, until time.Time) {
	b.unqueue(e)
	e.phase, e.next = waiting, until
	b.waiting.put(e)
}

// ripen puts an entry among those that are due.
func (b *Book) ripen(e *entry) {
	b.unqueue(e)
	e.phase = ready
	e.network.ready.put(e)
	b.rank(e.network)
}

// unqueue takes an entry out of the queue that it is in.
func (b *Book) unqueue(e *entry) {
	switch e.phase {
	case waiting:
		b.waiting.take(e)
	case ready:
		e.network.ready.take(e)
		b.rank(e.network)
	}
}

// reorder finds the place of an entry whose merits have changed.
func (b *Book) reorder(e *entry) {
	if e.phase == ready {
		e.network.ready.put(e)
		b.rank(e.network)
	}
}

// Connected is told that there is a connection with an address.
func (b *Book) Connected(now time.Time, addr netip.AddrPort) {
	if e := b.table[unmap(addr)]; e != nil && e.phase != linked && e.phase != ourselves {
		b.endDial(e)
		b.unqueue(e)
		e.phase, e.since, e.tried = linked, now, true
	}
}

// Listens notes where a peer that connected to us says it listens, so that it is dialled only when it has left. It returns
// the address to report to Left then.
func (b *Book) Listens(now time.Time, ip netip.Addr, port uint16) netip.AddrPort {
	listen := netip.AddrPortFrom(ip.Unmap(), port)
	b.Add(FromPeer, ip, listen)
	switch e := b.table[listen]; {
	case e == nil:
		return netip.AddrPort{}
	case e.phase == linked: // by another connection, of which one may soon be the last
		return listen
	case !e.idle():
		return netip.AddrPort{}
	}
	b.Connected(now, listen)
	return listen
}

// SetOwn says what our own address is, in its family.
func (b *Book) SetOwn(own netip.Addr) {
	own = own.Unmap()
	known := b.own.of(own)
	if !own.IsValid() || *known == own {
		return
	}
	*known = own
	for a, e := range b.table {
		if rank, known := b.own.rank(a, b.port); known {
			e.rank = rank
		}
	}
	for _, n := range b.networks {
		n.ready.reorder()
	}
	b.ready.reorder()
}

// Rank is the canonical priority of a connection with an address (BEP 40), if our own address is known.
func (b *Book) Rank(addr netip.AddrPort) (rank uint32, known bool) {
	return b.own.rank(unmap(addr), b.port)
}
