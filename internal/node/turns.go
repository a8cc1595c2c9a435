package node

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// stallAfter is how long a fetch without any source keeps its turn.
const stallAfter = 3 * time.Minute

// queue tells apart those who wait for a turn with each other.
type queue uint8

const (
	noQueue    queue = iota // stopped, or about to end
	fetchQueue              // bounded by Config.ActiveFetches
	seedQueue               // bounded by Config.ActiveSeeds
)

// turn is how an object stands in its queue. It is guarded by the object's lock.
type turn struct {
	waiting bool // stopped until it is its turn; nothing if the record says that the user has paused it
	stalled bool // nobody has had anything of it for long, so that it takes nobody's turn
	bytes   int64
	moved   time.Time // when there was a source, or progress, last
}

// waits reports whether an object is stopped until it is its turn.
func (o *object) waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.turn.waiting && o.record.State != catalog.Paused
}

func (o *object) setWaiting(yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turn.waiting = yes
}

// contends tells in which queue an object stands, and whether it takes a turn there.
func (o *object) contends() (q queue, counts bool) {
	switch state, _ := o.swarm.State(); state {
	case swarm.Changed, swarm.Missing, swarm.Failed:
		return noQueue, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	r := &o.record
	switch r.State {
	case catalog.Resolving, catalog.Checking, catalog.Fetching:
		if r.Kind == catalog.Fetched {
			return fetchQueue, !o.turn.stalled
		}
		return seedQueue, true
	case catalog.Seeding:
		if r.DoneAt.IsZero() {
			return noQueue, false // it has all, and only has to make it durable
		}
		return seedQueue, true
	}
	return noQueue, false
}

// turns deals the turns of all queues in the order in which objects were added.
type turns struct{ left [seedQueue + 1]int }

// turns begins a deal. A bound of 0 is none.
func (n *Node) turns() *turns {
	t := &turns{}
	for q, most := range map[queue]int{fetchQueue: n.cfg.ActiveFetches, seedQueue: n.cfg.ActiveSeeds} {
		if t.left[q] = most; most <= 0 {
			t.left[q] = int(^uint(0) >> 1)
		}
	}
	return t
}

// deal reports whether it is the turn of the next object.
func (t *turns) deal(o *object) (q queue, yes bool) {
	q, counts := o.contends()
	if q == noQueue || !counts {
		return q, true
	}
	if t.left[q] == 0 {
		return q, false
	}
	t.left[q]--
	return q, true
}

// hasTurn reports whether it is an object's turn now.
func (n *Node) hasTurn(o *object) bool {
	t := n.turns()
	for _, x := range n.all() {
		if _, yes := t.deal(x); x == o {
			return yes
		}
	}
	return true
}

// takeTurns sets in motion those whose turn it is, and stops those whose turn it is not.
func (n *Node) takeTurns(now time.Time, objects []*object) {
	t := n.turns()
	for _, o := range objects {
		n.guarded(o, func() {
			n.watch(now, o)
			if q, yes := t.deal(o); q != noQueue {
				n.giveTurn(o, yes)
			}
		})
	}
}

// watch notices when a fetch stalls, and when it does no more.
func (n *Node) watch(now time.Time, o *object) {
	if q, _ := o.contends(); q != fetchQueue || n.cfg.ActiveFetches <= 0 {
		return
	}
	s := o.swarm.Snapshot(now)
	o.mu.Lock()
	defer o.mu.Unlock()
	t := &o.turn
	if s.Sources > 0 || s.DownBytes != t.bytes || !moving(s.State) || t.moved.IsZero() {
		t.bytes, t.moved = s.DownBytes, now
	}
	t.stalled = now.Sub(t.moved) >= stallAfter
}

// giveTurn stops an object or sets it in motion. Whoever is being managed is looked at again at the next beat.
func (n *Node) giveTurn(o *object, yes bool) {
	state, _ := o.swarm.State()
	if yes && !o.waits() || !yes && !moving(state) || !o.managing.TryLock() {
		return
	}
	defer o.managing.Unlock()
	o.mu.Lock()
	over, paused := o.over, o.record.State == catalog.Paused
	o.mu.Unlock()
	state, _ = o.swarm.State()
	switch {
	case over || paused:
	case yes && state == swarm.Paused:
		n.start(o)
	case yes:
		o.setWaiting(false) // it has begun otherwise
	case moving(state):
		o.setWaiting(true)
		o.swarm.Stop(swarm.Paused, nil)
		o.silence()
		n.show(o)
	}
}
