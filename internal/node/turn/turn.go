// Package turn decides which objects may exchange now if the user bounds how many do: who has a turn, who waits, and who has
// been given enough. It is told how objects are and carries out nothing.
//
// Turns are dealt in the order in which objects are given to [Deal.Next], so that as long as that order is kept nobody loses a
// turn to a later one. Who is in no queue never waits.
package turn

import (
	"math"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Queue tells apart those who wait for a turn with each other.
type Queue uint8

// The queues.
const (
	None  Queue = iota // stopped, or about to end
	Fetch              // those that are fetched
	Seed               // those that are seeded
)

// Bounds are how many objects of a queue may exchange at once; 0 is no bound.
type Bounds struct{ Fetches, Seeds int }

// Bound reports whether there may be no turn for somebody in a queue.
func (b Bounds) Bound(q Queue) bool { return q == Fetch && b.Fetches > 0 || q == Seed && b.Seeds > 0 }

// Of is the queue that an object stands in, by what its swarm does and its record says.
func Of(state swarm.State, r *catalog.Record) Queue {
	switch state {
	case swarm.Changed, swarm.Missing, swarm.Failed:
		return None
	}
	switch r.State {
	case catalog.Resolving, catalog.Checking, catalog.Fetching:
		if r.Kind == catalog.Fetched {
			return Fetch
		}
		return Seed
	case catalog.Seeding:
		if r.DoneAt.IsZero() {
			return None // it has all, and only has to make it durable
		}
		return Seed
	}
	return None
}

// Deal is one deal of the turns of all queues.
type Deal struct{ left [Seed + 1]int }

// NewDeal begins a deal.
func NewDeal(b Bounds) *Deal {
	d := &Deal{}
	for q, most := range map[Queue]int{Fetch: b.Fetches, Seed: b.Seeds} {
		if d.left[q] = most; most <= 0 {
			d.left[q] = math.MaxInt
		}
	}
	return d
}

// Next reports whether it is the turn of the next object. One that has stalled takes nobody's turn.
func (d *Deal) Next(q Queue, stalled bool) bool {
	if q == None || q == Fetch && stalled {
		return true
	}
	if d.left[q] == 0 {
		return false
	}
	d.left[q]--
	return true
}

// stallAfter is how long a fetch without any source keeps its turn.
const stallAfter = 3 * time.Minute

// Progress notices when a fetch stalls, and when it does no more. The zero Progress has not stalled.
type Progress struct {
	bytes   int64
	moved   time.Time // when there was a source, or progress, last
	stalled bool
}

// Watch takes note of how a swarm is now. Moving says that it may exchange.
func (p *Progress) Watch(now time.Time, s swarm.Snapshot, moving bool) {
	if s.Sources > 0 || s.DownBytes != p.bytes || !moving || p.moved.IsZero() {
		p.bytes, p.moved = s.DownBytes, now
	}
	p.stalled = now.Sub(p.moved) >= stallAfter
}

// Stalled reports whether nobody has had anything of it for long.
func (p *Progress) Stalled() bool { return p.stalled }

// Enough is how much an object that was fetched is given before it is paused; 0 is no end.
type Enough struct {
	Ratio float64 // bytes given by bytes it has
	Time  time.Duration
}

// Reached reports whether an object has been given as often or as long as the user wants; given is in bytes, ever. A share
// never has.
func (e Enough) Reached(now time.Time, r *catalog.Record, given int64) bool {
	if r.Kind != catalog.Fetched || r.DoneAt.IsZero() {
		return false
	}
	if e.Time > 0 && now.Sub(r.DoneAt) >= e.Time {
		return true
	}
	return e.Ratio > 0 && r.Size > 0 && float64(given) >= e.Ratio*float64(r.Size)
}

// IsEndless reports whether nothing is ever enough.
func (e Enough) IsEndless() bool { return e.Ratio <= 0 && e.Time <= 0 }
