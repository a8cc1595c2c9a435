package choker

import (
	"slices"
	"time"
)

// tries are peers that were unchoked for a moment, beyond the slots. While every slot carries little, it is either our line that
// is slow or those who are served: some of those who wait are tried together, and stay only if they take much more than the
// others. If these lose nothing by it, it is not the line, and twice as many are tried next.
type tries struct {
	of   map[Key]bool
	ends time.Time
	many int     // how many there are next; 0: half as many as there are slots
	rate float64 // at which the others took when these began
}

// try begins tries. Who never had a slot has one as soon as there is room, others (if again is true) in a round of the choker.
// It goes by lot: who has waited longest would always be the same.
func (c *Choker) try(now time.Time, peers []Peer, l load, set Set, again bool) {
	if len(c.tries.of) > 0 || l.served < c.capacity.slots || l.rate == 0 || l.mean() >= little {
		return
	}
	var never, before []*Peer
	for i := range peers {
		switch p := &peers[i]; {
		case !p.Interested || !p.Seeding || p.Unchoked || set.Has(p.Object, p.ID):
		case p.LastUnchoke.IsZero():
			never = append(never, p)
		case again:
			before = append(before, p)
		}
	}
	n := min(max(c.tries.many, c.capacity.slots/2), c.cfg.MaxSlots-c.capacity.slots)
	c.tries.ends, c.tries.rate = now.Add(proof), l.rate
	for _, waiting := range [][]*Peer{never, before} {
		c.cfg.Rand.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
		for _, p := range waiting[:min(n, len(waiting))] {
			set.add(p)
			c.tries.of[p.key()] = true
			n--
		}
	}
}

// endTries takes the slots from those whose try is over and who did not take much. It returns the peers as they are then.
func (c *Choker) endTries(now time.Time, peers []Peer, l load) []Peer {
	t := &c.tries
	if len(t.of) == 0 || now.Before(t.ends) {
		return peers
	}
	peers = slices.Clone(peers)
	others := l.rate
	for i := range peers {
		p := &peers[i]
		if !t.of[p.key()] || !p.Interested || !p.Unchoked || p.Stalled {
			continue
		}
		others -= p.UpRate
		if p.UpRate < muchMore*l.mean() {
			p.Unchoked = false
		}
	}
	if n := len(t.of); others >= unmoved*t.rate {
		t.many = 2 * n
	} else {
		t.many = n / 2
	}
	clear(t.of)
	return peers
}

// keepTries leaves those unchoked whose try is not over.
func (c *Choker) keepTries(peers []Peer, set Set) {
	for i := range peers {
		if p := &peers[i]; c.tries.of[p.key()] && p.Unchoked {
			set.add(p)
		}
	}
}
