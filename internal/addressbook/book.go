// Package addressbook is the table of addresses at which peers of one object may be: which of them is dialled next, how long
// one that failed is left alone, whom to keep for the next run, and who is refused. It does no I/O: time and dice are handed
// in, and the same calls with the same dice decide the same.
//
// Most of its addresses are hints, and anyone can give as many as he likes. So the book keeps a spread of networks. What one
// crowd (a /16 of IPv4, a /32 of IPv6) or one teller may hold of it is bounded; when it is full, the most numerous network
// makes room; and of those that are due, one of the network with which there are the fewest connections is dialled.
//
// One concern is one file: book (what is in it), entry (an address and its phases), network (crowds and tellers), pick (who
// is next), queue (the order of that), backoff (when again), invite (out of turn), feeler (does it live?), pin (who is there), saved (what the next run is told), bans,
// priority (BEP 40) and own (our own address, which that needs).
//
// A Book is not safe for concurrent use; the swarm's lock guards it.
package addressbook

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// maxHints bounds the addresses that are only hints. What the user or a link names finds room beside them.
const maxHints = 4000

// Book is the table of one object's addresses.
type Book struct {
	rng      *rand.Rand
	port     uint16 // ours
	table    map[netip.AddrPort]*entry
	networks map[netip.Prefix]*network
	tellers  map[teller]int
	hints    int

	waiting queue[*entry]   // by when they are due
	ready   queue[*network] // those with addresses that are due
	sizes   queue[*network] // by how many hints they hold
	dialing int
	feelAt  time.Time // when the next feeler goes out; zero: not drawn yet

	own  ownAddress
	Bans Bans
}

// New makes an empty book. Port is where we listen, 0 if we do not.
func New(rng *rand.Rand, port uint16) *Book {
	return &Book{
		rng: rng, port: port,
		table:    make(map[netip.AddrPort]*entry),
		networks: make(map[netip.Prefix]*network),
		tellers:  make(map[teller]int),
		waiting:  queue[*entry]{before: sooner, place: entryPlace},
		ready:    queue[*network]{before: (*network).first, place: func(n *network) *int { return &n.turn }},
		sizes:    queue[*network]{before: (*network).larger, place: func(n *network) *int { return &n.size }},
		Bans:     make(Bans),
	}
}

// Known is how many addresses the book holds.
func (b *Book) Known() int { return len(b.table) }

// Dialling is how many addresses are being dialled, feelers among them.
func (b *Book) Dialling() int { return b.dialing }

// Add enters an address that somebody told of. The caller has checked that it may be dialled. By is whose word it is, if
// that is a peer; the zero address if it is not.
func (b *Book) Add(origin Origin, by netip.Addr, addr netip.AddrPort) {
	addr = unmap(addr)
	if !addr.IsValid() {
		return
	}
	if old := b.table[addr]; old != nil {
		b.trust(old, origin)
		return
	}
	from := tellerOf(origin, by)
	n := b.networkOf(addr.Addr())
	if origin.hint() && (b.tellers[from] >= from.share() || !b.room(n)) {
		b.drop(n)
		return
	}
	n = b.networkOf(addr.Addr()) // making room may have emptied it
	e := &entry{addr: addr, network: n, origin: origin, rank: b.rng.Uint32()}
	if rank, known := b.own.rank(addr, b.port); known {
		e.rank = rank
	}
	b.table[addr] = e
	n.members = append(n.members, e)
	if origin.hint() {
		e.teller = from
		b.tellers[from]++
		b.count(e, 1)
	}
	b.wait(e, time.Time{})
}

// trust takes the better of two words for an address.
func (b *Book) trust(e *entry, origin Origin) {
	if origin >= e.origin {
		return
	}
	if e.origin.hint() && !origin.hint() {
		b.forgive(e)
		b.count(e, -1)
	}
	e.origin = origin
	b.reorder(e)
}

// remove takes an entry out, which is in no connection.
func (b *Book) remove(e *entry) {
	b.unqueue(e)
	if e.origin.hint() {
		b.forgive(e)
		b.count(e, -1)
	}
	delete(b.table, e.addr)
	e.network.lose(e)
	b.drop(e.network)
}

// Named reports whether the user named the address.
func (b *Book) Named(addr netip.AddrPort) bool {
	e := b.table[unmap(addr)]
	return e != nil && e.origin == FromUser
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
