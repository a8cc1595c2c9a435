package addressbook

import (
	"net/netip"
	"slices"
)

// A network is a crowd: addresses of which one person can easily have many.
type network struct {
	prefix  netip.Prefix
	members []*entry
	hints   int           // of them
	load    int           // connections with it, and attempts at some
	ready   queue[*entry] // those that are due

	turn, size int // its places in Book.ready and Book.sizes
}

const (
	// bits4 and bits6 are how many bits of an address make its network.
	bits4 = 16
	bits6 = 32

	// perNetwork bounds the hints of one network.
	perNetwork = maxHints / 16
	// perPeers bounds the hints that the peers of one network gave, and perOrigin those of all trackers, and of the local
	// network: nobody's word alone fills the book.
	perPeers  = maxHints / 16
	perOrigin = maxHints / 2
)

// Network is the network of an address, in which one crowd may sit.
func Network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := bits4
	if ip.Is6() {
		bits = bits6
	}
	p, _ := ip.Prefix(bits)
	return p
}

// networkOf finds or makes the network of an address. One that stays empty is to be dropped.
func (b *Book) networkOf(ip netip.Addr) *network {
	p := Network(ip)
	n := b.networks[p]
	if n == nil {
		n = &network{prefix: p, ready: queue[*entry]{before: (*entry).first, place: entryPlace}}
		b.networks[p] = n
	}
	return n
}

// drop forgets a network of which nothing is left.
func (b *Book) drop(n *network) {
	if len(n.members) == 0 && n.load == 0 {
		delete(b.networks, n.prefix)
	}
}

// first orders the networks with addresses that are due: as these go themselves, but each connection that there is with a
// network already weighs as much as a failure.
func (n *network) first(m *network) bool {
	x, y := n.ready.head(), m.ready.head()
	return precedes(x, y, n.load+x.fails, m.load+y.fails)
}

// larger orders the networks by how much of the book they hold.
func (n *network) larger(m *network) bool {
	if n.hints != m.hints {
		return n.hints > m.hints
	}
	return n.prefix.Addr().Less(m.prefix.Addr())
}

// Joined is told that there is a connection with a host, whoever began it; Parted that it is over.
func (b *Book) Joined(ip netip.Addr) { b.burden(b.networkOf(ip), 1) }

// Parted is told that a connection with a host is over.
func (b *Book) Parted(ip netip.Addr) {
	n := b.networkOf(ip)
	b.burden(n, -1)
	b.drop(n)
}

// Load is how many connections there are with the network of a host, and attempts at some.
func (b *Book) Load(ip netip.Addr) int {
	if n := b.networks[Network(ip)]; n != nil {
		return n.load
	}
	return 0
}

func (b *Book) burden(n *network, by int) {
	n.load = max(0, n.load+by)
	b.rank(n)
}

// rank finds a network's place among those with addresses that are due.
func (b *Book) rank(n *network) {
	if n.ready.empty() {
		b.ready.take(n)
	} else {
		b.ready.put(n)
	}
}

// count counts a hint in or out.
func (b *Book) count(e *entry, by int) {
	b.hints += by
	e.network.hints += by
	if e.network.hints > 0 {
		b.sizes.put(e.network)
	} else {
		b.sizes.take(e.network)
	}
}

// room makes room for one more hint of a network. If all is full, the worst one of the most numerous network gives way; if
// the network has its share, or is among the most numerous itself, only one of its own that failed does.
func (b *Book) room(n *network) bool {
	var worst *entry
	switch {
	case n.hints < perNetwork && b.hints < maxHints:
		return true
	case n.hints < perNetwork && b.sizes.head().hints > n.hints+1:
		worst = b.sizes.head().worst()
	default:
		if worst = n.worst(); worst != nil && worst.fails == 0 {
			return false
		}
	}
	if worst == nil {
		return false
	}
	b.remove(worst)
	return true
}

// worst is the hint that is missed least: who failed most often, and among equals who would be dialled last.
func (n *network) worst() (worst *entry) {
	for _, e := range n.members {
		if e.origin.hint() && e.idle() && !e.proven() && (worst == nil || worst.first(e)) {
			worst = e
		}
	}
	return worst
}

func (n *network) lose(e *entry) {
	i := slices.Index(n.members, e)
	n.members = slices.Delete(n.members, i, i+1)
}

// teller is who gave a hint: the peers of a network, or an origin that cannot be told apart further. The zero value is nobody.
type teller struct {
	origin Origin
	peers  netip.Prefix
}

func tellerOf(origin Origin, by netip.Addr) teller {
	t := teller{origin: origin}
	if by.IsValid() {
		t.peers = Network(by)
	}
	return t
}

// share is how many hints a teller may give.
func (t teller) share() int {
	if t.peers.IsValid() {
		return perPeers
	}
	return perOrigin
}

// forgive no longer counts a hint against the share of its teller.
func (b *Book) forgive(e *entry) {
	if e.teller == (teller{}) {
		return
	}
	if b.tellers[e.teller]--; b.tellers[e.teller] == 0 {
		delete(b.tellers, e.teller)
	}
	e.teller = teller{}
}
