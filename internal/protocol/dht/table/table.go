// Package table is the routing table of a DHT node (BEP 5): the nodes it knows, few of those far from its own ID and many of
// those near to it.
//
// Nobody enters who has not answered a query of ours, so an address that is forged or only told of is never passed on. Of one
// network (/24 or /64) one node is in a bucket, of one address one in the table: a machine that pretends to be many gains
// nothing. A node that answers keeps its place against any newcomer, except that one with an ID valid for its address
// (BEP 42) takes the place of one without. Those who have been silent are tested before they are evicted.
//
// It is pure, and not safe for concurrent use. It sends nothing: [Table.Maintain] says whom to ping and what to look up.
package table

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

const (
	// K is how many nodes a bucket holds, and how many are told of. BEP 5: "Each bucket can only hold K nodes, currently eight".
	K = 8
	// topSize is how many the first bucket holds, which is half of all IDs; the second half as many, down to K. Most look-ups
	// begin there: more contacts save a step, and paths that shall not meet need different ones to begin with.
	topSize = 8 * K
	// freshness is how long a node is good after it was heard of, and a bucket after it changed. BEP 5: "After 15 minutes of
	// inactivity, a node becomes questionable", "Buckets that have not been changed in 15 minutes should be refreshed."
	freshness = 15 * time.Minute
	// maxFails is how often in a row a node may fail to answer: "it is suggested to try once more before discarding".
	maxFails = 2
	// gone is how many failures are too many even if there is nobody to take the place.
	gone = 5
	// maxSpare bounds the replacement cache of a bucket, and maxUntested those who wait for a first test.
	maxSpare    = K
	maxUntested = 16
	// testPause is how long a test is waited for before another one may begin, and corpseTest how long until one that is bad,
	// whose place nobody wants, is tested again.
	testPause  = time.Minute
	corpseTest = 5 * time.Minute
	// pace is the least time between two rounds of maintenance.
	pace = 2 * time.Second
)

// Table is the routing table of one node and one family of addresses.
type Table struct {
	own      krpc.ID
	valid    func(krpc.Node) bool
	rng      *rand.Rand
	buckets  []*bucket // the nodes at index i share i bits with own, those in the last one i or more
	hosts    map[netip.AddrPort]krpc.ID
	untested []krpc.Node
	due      time.Time
	earliest time.Time // the next round of maintenance may be
}

// New makes an empty table for the node with the ID own. valid tells whether a node may have its ID (BEP 42).
func New(now time.Time, own krpc.ID, valid func(krpc.Node) bool, rng *rand.Rand) *Table {
	return &Table{
		own: own, valid: valid, rng: rng, hosts: make(map[netip.AddrPort]krpc.ID),
		buckets: []*bucket{{changed: now}}, due: now.Add(pace),
	}
}

// host is the key under which a node is counted: its address, but on the machine or network around us, where many nodes may
// be on one, also its port.
func host(a netip.AddrPort) netip.AddrPort {
	if guard.IsLocal(a.Addr()) {
		return a
	}
	return netip.AddrPortFrom(a.Addr(), 0)
}

// index is where the bucket of an ID is.
func (t *Table) index(id krpc.ID) int { return min(shared(t.own, id), len(t.buckets)-1) }

// size is how many nodes the bucket at an index holds.
func size(index int) int {
	if index > 3 {
		return K
	}
	return max(topSize>>index, K)
}

// Answered tells that a node has answered a query of ours: it is there, and receives what is sent to its address.
func (t *Table) Answered(now time.Time, n krpc.Node) {
	if n.ID == t.own {
		return
	}
	b := t.buckets[t.index(n.ID)]
	if e := b.find(n.ID); e != nil {
		if e.node.Addr == n.Addr {
			e.answered, e.fails, e.retest = now, 0, time.Time{}
			b.changed = now
			return
		}
		// Whoever had the ID first keeps it while it answers: anybody can claim the ID of another.
		if !e.bad() {
			return
		}
		t.remove(n.ID)
	}
	// BEP 45: a node "whose socket address is found in the routing table but whose ID does not match the entry ... may be
	// evicted immediately".
	if id, known := t.hosts[host(n.Addr)]; known {
		old := t.buckets[t.index(id)].find(id)
		if old.node.Addr != n.Addr && !old.bad() && (old.valid || !t.valid(n)) {
			return
		}
		t.remove(id)
	}
	t.enter(now, entry{node: n, valid: t.valid(n), answered: now})
}

// enter puts a node in its place, or among the spare.
func (t *Table) enter(now time.Time, e entry) {
	i := t.index(e.node.ID)
	b := t.buckets[i]
	if rival := b.neighbour(e.node.Addr.Addr()); rival >= 0 {
		if !b.entries[rival].yields(e) {
			return
		}
		t.remove(b.entries[rival].node.ID)
	}
	for len(b.entries) >= size(i) && i == len(t.buckets)-1 && i < krpc.IDSize*8-1 {
		t.split(now)
		i = t.index(e.node.ID)
		b = t.buckets[i]
	}
	if len(b.entries) >= size(i) {
		worst := b.worst()
		if worst < 0 || !b.entries[worst].yields(e) {
			b.keepSpare(e)
			t.wantBy(now) // for somebody may be due for a test
			return
		}
		t.remove(b.entries[worst].node.ID)
	}
	b.entries = append(b.entries, e)
	b.changed = now
	t.hosts[host(e.node.Addr)] = e.node.ID
}

// split makes two buckets of the last one, on the side of our own ID.
func (t *Table) split(now time.Time) {
	depth := len(t.buckets) - 1
	old, deeper := t.buckets[depth], &bucket{changed: now}
	moves := func(e entry) bool { return shared(t.own, e.node.ID) > depth }
	old.entries, deeper.entries = part(old.entries, moves)
	old.spare, deeper.spare = part(old.spare, moves)
	t.buckets = append(t.buckets, deeper)
	// The deeper bucket may be the smaller one.
	for len(deeper.entries) > size(depth+1) {
		e := deeper.entries[len(deeper.entries)-1]
		t.remove(e.node.ID)
		deeper.keepSpare(e)
	}
}

// part takes those that move out of a list.
func part(list []entry, moves func(entry) bool) (stay, move []entry) {
	for _, e := range list {
		if moves(e) {
			move = append(move, e)
		} else {
			stay = append(stay, e)
		}
	}
	return stay, move
}

func (t *Table) remove(id krpc.ID) {
	b := t.buckets[t.index(id)]
	if e := b.find(id); e != nil {
		delete(t.hosts, host(e.node.Addr))
		b.drop(id)
	}
}

// Asked tells that a node has sent us a query. Its address may be forged: if there is a place for it, it will be
// pinged, which is reported. A node that is read-only must not be told of here; BEP 43: "the node should not add the message sender to its routing table".
func (t *Table) Asked(now time.Time, n krpc.Node) (ping bool) {
	if n.ID == t.own {
		return false
	}
	i := t.index(n.ID)
	b := t.buckets[i]
	if e := b.find(n.ID); e != nil {
		if e.node.Addr == n.Addr {
			e.asked = now
		}
		return false
	}
	if _, known := t.hosts[host(n.Addr)]; known || b.neighbour(n.Addr.Addr()) >= 0 || len(t.untested) >= maxUntested {
		return false
	}
	full := len(b.entries) >= size(i) && i < len(t.buckets)-1
	if worst := b.worst(); full && !b.entries[worst].yields(entry{node: n, valid: t.valid(n)}) && len(b.spare) >= maxSpare {
		return false
	}
	if !slices.ContainsFunc(t.untested, func(o krpc.Node) bool { return host(o.Addr) == host(n.Addr) }) {
		t.untested = append(t.untested, n)
		t.wantBy(now)
		return true
	}
	return false
}

// Failed tells that a node has not answered a query of ours.
func (t *Table) Failed(now time.Time, n krpc.Node) {
	b := t.buckets[t.index(n.ID)]
	e := b.find(n.ID)
	if e == nil || e.node.Addr != n.Addr {
		return
	}
	e.fails++
	e.retest = now.Add(corpseTest)
	switch {
	case !e.bad():
		e.retest = now // "try once more"
		t.wantBy(now)
	case len(b.spare) > 0:
		t.remove(n.ID)
		// The one heard from last is the most likely to be there.
		spare := b.spare[len(b.spare)-1]
		b.spare = b.spare[:len(b.spare)-1]
		if _, known := t.hosts[host(spare.node.Addr)]; !known {
			t.enter(now, spare)
		}
	case e.fails >= gone:
		t.remove(n.ID)
	}
}

// Closest returns up to n good nodes, the nearest to target first: those to tell others of.
func (t *Table) Closest(now time.Time, target krpc.ID, n int) []krpc.Node {
	return t.nearest(target, n, func(e *entry) bool { return e.good(now) })
}

// Seeds returns up to n nodes to begin a look-up with, the nearest to target first. They need not be good.
func (t *Table) Seeds(target krpc.ID, n int) []krpc.Node {
	return t.nearest(target, n, func(e *entry) bool { return !e.bad() })
}

func (t *Table) nearest(target krpc.ID, n int, fit func(*entry) bool) []krpc.Node {
	var list []krpc.Node
	take := func(b *bucket) {
		for i := range b.entries {
			if fit(&b.entries[i]) {
				list = append(list, b.entries[i].node)
			}
		}
	}
	// The bucket of the target is nearest, then all deeper ones, then one after the other towards the top.
	home := t.index(target)
	take(t.buckets[home])
	if len(list) < n {
		for _, b := range t.buckets[home+1:] {
			take(b)
		}
	}
	for i := home - 1; i >= 0 && len(list) < n; i-- {
		take(t.buckets[i])
	}
	slices.SortFunc(list, func(a, b krpc.Node) int { return krpc.Closer(target, a.ID, b.ID) })
	return list[:min(len(list), n)]
}

// All returns the nodes that are not known to be gone, to be saved for the next start.
func (t *Table) All() []krpc.Node {
	var list []krpc.Node
	for _, b := range t.buckets {
		for i := range b.entries {
			if e := &b.entries[i]; !e.bad() {
				list = append(list, e.node)
			}
		}
	}
	return list
}

// Len is how many nodes are in the table, and how many of them are good.
func (t *Table) Len(now time.Time) (all, good int) {
	for _, b := range t.buckets {
		all += len(b.entries)
		for i := range b.entries {
			if b.entries[i].good(now) {
				good++
			}
		}
	}
	return all, good
}

// Rekey gives the node another ID. The nodes stay, each where it belongs now, as far as there is a place.
func (t *Table) Rekey(now time.Time, own krpc.ID) {
	old := t.buckets
	*t = *New(now, own, t.valid, t.rng)
	for _, b := range slices.Backward(old) { // the nearest were the fewest
		for _, e := range b.entries {
			if e.node.ID != own {
				t.enter(now, e)
			}
		}
	}
}
