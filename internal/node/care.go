package node

import (
	"cmp"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/node/turn"
)

const (
	// roundTime is how long it takes, at most, until every object has been looked at though it is at rest; leastRound is how many are
	// looked at in a second.
	roundTime  = 60 // seconds
	leastRound = 256
)

// care is which objects the loop looks after: those that have stirred, until they are at rest. What that costs does not grow with the
// objects that are. It is the loop's alone.
type care struct {
	awake []*object.Object // by place; no scouts
	next  int              // of all objects, the one that the round goes on with

	// Those who find peers are told of them, and have been unless untold says otherwise.
	all, scouts []*object.Object
	untold      bool
}

// takeUp looks after an object from now on.
func (c *care) takeUp(o *object.Object) {
	if o.IsScout() || !o.IsBooked() {
		return
	}
	at, found := slices.BinarySearchFunc(c.awake, o, func(a, b *object.Object) int { return cmp.Compare(a.Place(), b.Place()) })
	switch {
	case !found:
		c.awake = slices.Insert(c.awake, at, o)
	case c.awake[at] != o:
		c.awake[at] = o // it has taken the place of the other
	}
}

// round are the next objects of all that are looked at though they are at rest: all of them in most homes.
func (c *care) round(all []*object.Object) []*object.Object {
	if c.next >= len(all) {
		c.next = 0
	}
	part := all[c.next:min(len(all), c.next+max(leastRound, (len(all)+roundTime-1)/roundTime))]
	c.next += len(part)
	return part
}

// contenders are those among whom turns are dealt.
func (c *care) contenders(b turn.Bounds, all []*object.Object) []*object.Object {
	switch {
	case b.Bound(turn.Seed):
		return all
	case b.Bound(turn.Fetch):
		return c.awake
	}
	return nil
}

// isNews reports whether there are other objects and scouts than there were, or one stands otherwise, since told.
func (c *care) isNews(now time.Time, all, scouts []*object.Object) bool {
	c.untold = c.untold || !slices.Equal(c.all, all) || !slices.Equal(c.scouts, scouts)
	c.all, c.scouts = all, scouts
	for _, o := range slices.Concat(c.awake, scouts) {
		news := true // unless it can say
		o.Guarded(func() { news = o.IsNewlyStanding(now) })
		c.untold = c.untold || news
	}
	return c.untold
}

// told notes that those who find peers have been told of all news.
func (c *care) told() { c.untold = false }

// letGo forgets those that are at rest, or gone.
func (c *care) letGo(now time.Time) {
	c.awake = slices.DeleteFunc(c.awake, func(o *object.Object) (rests bool) {
		if !o.IsBooked() {
			return true
		}
		o.Guarded(func() { rests = o.Rest(now) })
		return rests
	})
}
