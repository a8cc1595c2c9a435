package table

import (
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// shared is how many leading bits two IDs have in common.
func shared(a, b krpc.ID) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			return i*8 + bits.LeadingZeros8(x)
		}
	}
	return krpc.IDSize * 8
}

// entry is a node that has answered once at least.
type entry struct {
	node     krpc.Node
	valid    bool // BEP 42 allows its ID
	answered time.Time
	asked    time.Time // when it sent us a query
	fails    int       // since it answered
	retest   time.Time // it is not tested before
}

// good follows BEP 5: "A good node is a node has responded to one of our queries within the last 15 minutes. A node is also
// good if it has ever responded to one of our queries and has sent us a query within the last 15 minutes."
func (e *entry) good(now time.Time) bool { return e.fails == 0 && now.Sub(e.seen()) < freshness }

// bad nodes "fail to respond to multiple queries in a row".
func (e *entry) bad() bool { return e.fails >= maxFails }

func (e *entry) seen() time.Time {
	if e.asked.After(e.answered) {
		return e.asked
	}
	return e.answered
}

// yields reports whether a newcomer may take the place of the entry.
func (e *entry) yields(newcomer entry) bool { return e.bad() || newcomer.valid && !e.valid }

// bucket is the part of the table for one range of IDs.
type bucket struct {
	entries []entry
	spare   []entry // the replacement cache, the latest last
	changed time.Time
}

func (b *bucket) find(id krpc.ID) *entry {
	for i := range b.entries {
		if b.entries[i].node.ID == id {
			return &b.entries[i]
		}
	}
	return nil
}

func (b *bucket) drop(id krpc.ID) {
	b.entries = slices.DeleteFunc(b.entries, func(e entry) bool { return e.node.ID == id })
}

// neighbour is the index of the entry whose node is in the same network, or -1. In local networks everybody is.
func (b *bucket) neighbour(a netip.Addr) int {
	if guard.IsLocal(a) {
		return -1
	}
	network := guard.NetworkOf(a)
	return slices.IndexFunc(b.entries, func(e entry) bool { return network.Contains(e.node.Addr.Addr()) })
}

// worst is the index of the entry to go first: one that is bad, else one whose ID is not valid, of these the one not heard of
// for longest; -1 if there is no entry.
func (b *bucket) worst() int {
	worst := -1
	for i := range b.entries {
		e := &b.entries[i]
		if worst < 0 {
			worst = i
			continue
		}
		w := &b.entries[worst]
		switch {
		case e.bad() != w.bad():
			if e.bad() {
				worst = i
			}
		case e.valid != w.valid:
			if !e.valid {
				worst = i
			}
		case e.seen().Before(w.seen()):
			worst = i
		}
	}
	return worst
}

// keepSpare puts a node into the replacement cache, in which no two are of one network either. Those with valid IDs push out
// those without, otherwise the oldest goes.
func (b *bucket) keepSpare(e entry) {
	network := guard.NetworkOf(e.node.Addr.Addr())
	b.spare = slices.DeleteFunc(b.spare, func(s entry) bool {
		return s.node.ID == e.node.ID || s.node.Addr == e.node.Addr || !guard.IsLocal(e.node.Addr.Addr()) && network.Contains(s.node.Addr.Addr())
	})
	if len(b.spare) >= maxSpare {
		i := slices.IndexFunc(b.spare, func(s entry) bool { return !s.valid })
		if i < 0 {
			if !e.valid {
				return
			}
			i = 0
		}
		b.spare = slices.Delete(b.spare, i, i+1)
	}
	b.spare = append(b.spare, e)
}
