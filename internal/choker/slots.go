package choker

import "time"

// capacity finds how many peers can be served at once. More slots are worth while in two cases. If every slot carries
// a good rate, there is enough to share out. If not, it may be that those served cannot take more, and one more peer
// would use what they leave: that is tried out now and then, and the slot kept if the total has risen.
type capacity struct {
	least, most int
	slots       int
	reference   float64 // the rate that justified the last slot

	trialEnds time.Time // of the last slot, which is on probation; zero: it is not
	nextTrial time.Time
}

// load is what is being uploaded to those who are interested.
type load struct {
	served, waiting int
	fresh           int     // of those served, so new that nothing is known of them
	stalled         int     // unchoked too, but they take nothing
	rate            float64 // bytes per second, in all
}

func loadOf(now time.Time, peers []Peer) (l load) {
	for i := range peers {
		switch p := &peers[i]; {
		case p.Interested && p.Stalled:
			l.stalled++
		case p.Interested && p.Unchoked:
			l.served++
			l.rate += p.UpRate
			if p.fresh(now) {
				l.fresh++
			}
		case p.Interested:
			l.waiting++
		}
	}
	return l
}

const (
	trialTime  = 15 * time.Second
	trialPause = time.Minute
	// A slot has room if it carries roomyBase and roomyStep for each slot there is. The more slots, the more each must
	// carry, lest many peers get a little and none of them soon has a piece to pass on.
	roomyBase = 64 << 10
	roomyStep = 16 << 10
)

func newCapacity(least, most int) capacity { return capacity{least: least, most: most, slots: least} }

// roomy reports whether a rate could be shared out to so many slots and each have room.
func roomy(rate float64, slots int) bool {
	return rate >= float64(slots)*float64(roomyBase+roomyStep*slots)
}

// adapt finds the number of slots for the round.
func (c *capacity) adapt(now time.Time, l load) {
	if c.nextTrial.IsZero() {
		c.nextTrial = now.Add(trialPause)
	}
	switch {
	case l.served+l.waiting <= c.slots || l.waiting == 0:
		c.slots = max(c.least, min(c.slots, l.served+l.waiting))
		c.trialEnds = time.Time{}
	case l.served < c.slots:
		// There are slots that nobody uses yet.
	case c.grow(l):
	case l.rate < c.reference/2:
		c.slots = max(c.least, c.slots*3/4)
		c.reference, c.trialEnds = l.rate, time.Time{}
	case c.trialEnds.IsZero():
		if l.rate > 0 && !now.Before(c.nextTrial) {
			c.try(now, l.rate)
		}
	case !now.Before(c.trialEnds):
		// The slot is worth keeping if it carries at least half of what a slot carries on average.
		if (l.rate-c.reference)*2*float64(c.slots) >= l.rate {
			c.try(now, l.rate)
			break
		}
		c.slots = max(c.least, c.slots-1)
		c.trialEnds, c.nextTrial = time.Time{}, now.Add(trialPause)
	}
}

// grow adds the slots for which there is room, at most as many as there are, and reports whether there are some.
func (c *capacity) grow(l load) bool {
	if l.served < c.slots || l.waiting == 0 || c.slots >= c.most || !roomy(l.rate, c.slots+1) {
		return false
	}
	for limit := min(2*c.slots, c.most); c.slots < limit && roomy(l.rate, c.slots+1); {
		c.slots++
	}
	c.reference, c.trialEnds = l.rate, time.Time{}
	return true
}

// try puts one more slot on probation.
func (c *capacity) try(now time.Time, rate float64) {
	c.reference, c.trialEnds = rate, time.Time{}
	if c.slots < c.most {
		c.slots++
		c.trialEnds = now.Add(trialTime)
	}
}
