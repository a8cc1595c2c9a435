package choker

import "time"

// lookout says when to look between rounds whether there is room for those who wait: soon after somebody began to, and then ever
// less often. On a fast line everybody may be done before the next round.
type lookout struct {
	began, next time.Time // next is zero while nobody looks
}

const (
	firstLook = 250 * time.Millisecond
	// lastLook is how long there are looks; the next ones begin after an interval between rounds at the earliest, so that whoever
	// comes and goes does not keep us busy.
	lastLook   = 2 * time.Second
	againAfter = 10 * time.Second
)

// begin is told whether somebody has to wait who may get a slot.
func (l *lookout) begin(now time.Time, waiting bool) {
	if waiting && (l.began.IsZero() || now.Sub(l.began) >= againAfter) {
		l.began, l.next = now, now.Add(firstLook)
	}
}

// goOn plans the next look, if there is to be one: after twice the time.
func (l *lookout) goOn(now time.Time, waiting bool) {
	l.next = time.Time{}
	if run := now.Sub(l.began); waiting && run < lastLook {
		l.next = now.Add(run)
	}
}

// await plans a look for when something is known of those who are new in the set.
func (l *lookout) await(now time.Time, peers []Peer, set Set) {
	waiting := false
	var next time.Time
	for i := range peers {
		p := &peers[i]
		switch unchoked := set.Has(p.Object, p.ID); {
		case !p.Interested:
		case !unchoked:
			waiting = true
		case !p.Unchoked:
			next = later(next, now.Add(proof))
		case p.fresh(now):
			next = later(next, p.LastUnchoke.Add(proof))
		}
	}
	if waiting && !next.IsZero() && (l.next.IsZero() || next.Before(l.next)) {
		l.next = next
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (l *lookout) due(now time.Time) bool { return !l.next.IsZero() && !now.Before(l.next) }

// before is the next look, or the round if that is before it.
func (l *lookout) before(round time.Time) time.Time {
	if l.next.IsZero() || round.Before(l.next) {
		return round
	}
	return l.next
}

// look gives what slots there are by now to those who wait, and takes none away from those who use them. Tries end.
func (c *Choker) look(now time.Time, peers []Peer, l load) Set {
	c.capacity.grow(l)
	c.lookout.goOn(now, l.served+l.waiting > c.capacity.slots)
	peers = c.endTries(now, peers, l)
	set := c.Grant(now, peers)
	room := c.room(loadOf(now, peers)) + len(c.tries.of) + l.stalled
	for i := range peers {
		if p := &peers[i]; !p.Interested && len(set) > room {
			delete(set, p.key())
		}
	}
	return set
}
