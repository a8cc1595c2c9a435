package table

import (
	"encoding/binary"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Chores are what is to be done for the table.
type Chores struct {
	Ping   []krpc.Node // their answers, or that there was none, are told by Answered and Failed
	LookUp []krpc.ID   // nodes near these are wanted
}

// Maintain says what is to be done now. It changes nothing before [Table.Due].
func (t *Table) Maintain(now time.Time) (c Chores) {
	if now.Before(t.due) {
		return c
	}
	t.due, t.earliest = now.Add(freshness), now.Add(pace)
	c.Ping, t.untested = t.untested, nil
	for i, b := range t.buckets {
		if e := b.oldestQuestionable(now); e != nil {
			e.retest = now.Add(testPause)
			c.Ping = append(c.Ping, e.node)
		}
		if now.Sub(b.changed) >= freshness {
			// "This is done by picking a random ID in the range of the bucket and performing a find_nodes search on it."
			b.changed = now
			c.LookUp = append(c.LookUp, t.randomID(i))
		}
		t.wantBy(b.nextQuestionable(now))
		t.wantBy(b.changed.Add(freshness))
	}
	return c
}

// Due is when there is something to be done, unless something happens before.
func (t *Table) Due() time.Time { return t.due }

// wantBy asks for maintenance at a time, zero for never.
func (t *Table) wantBy(at time.Time) {
	if at.IsZero() {
		return
	}
	if at.Before(t.earliest) {
		at = t.earliest
	}
	if at.Before(t.due) {
		t.due = at
	}
}

// oldestQuestionable is the node to test: "the least recently seen node is pinged".
func (b *bucket) oldestQuestionable(now time.Time) (oldest *entry) {
	for i := range b.entries {
		e := &b.entries[i]
		if !e.good(now) && !now.Before(e.retest) && (oldest == nil || e.seen().Before(oldest.seen())) {
			oldest = e
		}
	}
	return oldest
}

// nextQuestionable is when there is a node to test; zero if there is no node.
func (b *bucket) nextQuestionable(now time.Time) (next time.Time) {
	for i := range b.entries {
		e := &b.entries[i]
		at := e.retest
		if fades := e.seen().Add(freshness); e.fails == 0 && fades.After(at) {
			at = fades
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// randomID draws an ID that belongs into the bucket at an index.
func (t *Table) randomID(index int) krpc.ID {
	var id krpc.ID
	for i := 0; i < len(id); i += 4 {
		binary.BigEndian.PutUint32(id[i:], t.rng.Uint32())
	}
	for i := range index {
		copyBit(&id, i, t.own, false)
	}
	if index < len(t.buckets)-1 {
		copyBit(&id, index, t.own, true)
	}
	return id
}

// copyBit gives id the bit that from has at an index, or the other one.
func copyBit(id *krpc.ID, i int, from krpc.ID, other bool) {
	mask := byte(0x80 >> (i % 8))
	bit := from[i/8] & mask
	if other {
		bit ^= mask
	}
	id[i/8] = id[i/8]&^mask | bit
}
