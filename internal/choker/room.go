package choker

import "time"

const (
	// proof is how long after it was unchoked a peer is known by what it takes.
	proof = 2 * time.Second
	// little is what a slot carries at least, in bytes per second, or it is worth trying somebody else.
	little = 16 << 10
	// muchLess is how many times less than the mean a peer takes that is of no account.
	muchLess = 8
	// muchMore is how many times the mean a peer takes that stays when its try is over.
	muchMore = 2
	// unmoved is how much of their rate peers keep that lose nothing.
	unmoved = 0.9
)

// fresh reports whether it is too early to say what a peer takes.
func (p *Peer) fresh(now time.Time) bool { return now.Sub(p.LastUnchoke) < proof }

// room is how many may be served at once now. Those who are stalled are not among them; while slots are free, as many may be
// new at once as are stalled: each time twice as many are found out about, so that however many stall, whoever waits among them
// is tried within a few times proof.
func (c *Choker) room(l load) int {
	slots := c.capacity.slots
	if known := l.served - l.fresh; known < slots {
		return max(slots, min(known+l.stalled, c.cfg.MaxSlots))
	}
	return slots
}

// mean is what a slot carries, in bytes per second.
func (l load) mean() float64 { return l.rate / float64(max(1, l.served)) }

// sips reports whether a peer that is served takes next to nothing, and much less than others do: then it is not our line that
// is slow.
func (l load) sips(now time.Time, p *Peer) bool {
	return !p.fresh(now) && p.UpRate < little && p.UpRate*muchLess < l.mean()
}

// keepStalled leaves those unchoked who take nothing: that costs nobody anything, and when they read on they need not wait.
func keepStalled(peers []Peer, set Set) {
	for i := range peers {
		if p := &peers[i]; p.Unchoked && p.Interested && p.Stalled {
			set.add(p)
		}
	}
}
