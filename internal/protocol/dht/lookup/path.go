package lookup

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// A path is one of the ways that a look-up takes towards the target. It learns of nodes only by the answers to its own
// questions, and a node that one path has asked is lost to the others: so a liar misleads one path, not the look-up.
type path struct {
	number  int
	order   []*candidate // all that it knows of, nearest first
	waiting []*candidate // asked by it, and not answered yet
	heard   []*candidate // asked by it, and answered
	strays  int          // how many that are not sound it has asked
}

// add makes a candidate known to the path.
func (p *path) add(target krpc.ID, c *candidate) {
	i, found := slices.BinarySearchFunc(p.order, c, func(a, b *candidate) int {
		if d := krpc.Closer(target, a.node.ID, b.node.ID); d != 0 {
			return d
		}
		return a.node.Addr.Compare(b.node.Addr)
	})
	if !found {
		p.order = slices.Insert(p.order, i, c)
	}
}

// busy is how many questions are under way that are not slow.
func (p *path) busy(now time.Time, slow time.Duration) (n int) {
	for _, c := range p.waiting {
		if now.Sub(c.since) < slow {
			n++
		}
	}
	return n
}

// next chooses whom to ask, nil for nobody: the nearest, until k have answered or are about to; then anybody else in the region;
// and when nobody of these is left, those that are not sound and as near, of which k are enough.
func (p *path) next(k int, rng *rand.Rand, near region, free func(*candidate) bool) *candidate {
	var inRegion, stray *candidate
	choices, sound, others := 0, 0, 0
	for _, c := range p.order {
		mine := (c.state == waiting || c.state == heard) && c.path == p.number
		if sound >= k && !near.holds(c) {
			break
		}
		switch {
		case mine && c.sound():
			sound++
		case mine:
			others++
		case c.state != unasked || !free(c):
		case !c.sound():
			if stray == nil {
				stray = c
			}
		case sound < k:
			return c
		default:
			// An attacker can be nearer than anybody, and there may be more of them than can be asked; but who is near
			// enough has the same chance.
			if choices++; rng.IntN(choices) == 0 {
				inRegion = c
			}
		}
	}
	// Where there are too few sound ones, the others have to do.
	if inRegion == nil && (p.strays < k || sound+others < k) {
		return stray
	}
	return inRegion
}

func (p *path) ask(c *candidate, now time.Time) {
	if !c.sound() {
		p.strays++
	}
	c.state, c.path, c.since = waiting, p.number, now
	p.waiting = append(p.waiting, c)
}

func (p *path) answered(c *candidate) {
	p.forget(c)
	c.settle(heard)
	p.heard = append(p.heard, c)
}

func (p *path) failed(c *candidate) {
	p.forget(c)
	c.settle(lost)
}

func (p *path) forget(c *candidate) {
	p.waiting = slices.DeleteFunc(p.waiting, func(w *candidate) bool { return w == c })
}
