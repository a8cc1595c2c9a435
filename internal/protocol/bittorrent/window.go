package bittorrent

import "time"

// The window is how many blocks the peer is asked for at a time: a few times what arrives in a round trip, since the rate while it
// grows lags behind, or in the longest silence of late, since some send in bursts; and never less than leastAhead's worth, up to
// steadyWindow. More does no good: what a slow peer is asked for nobody else is asked for, and what a fast one sends is cold when
// we come to read it.
const (
	firstWindow  = 64 // 1 MiB
	leastWindow  = 8
	steadyWindow = 256 // 4 MiB
	mostWindow   = 2048
	leastAhead   = 250 * time.Millisecond
	mostAhead    = 8 * time.Second
	trips        = 4
	// burstGap is the silence from which on a peer counts as one that sends in bursts.
	burstGap = 100 * time.Millisecond
)

// target is how wide the window should be at a rate, in bytes per second. It grows by a block for each that arrives, which doubles it in
// a round trip.
func (d *download) target(now time.Time, rate float64) int {
	span := trips * d.rtt
	if g := d.gap.longest(now); g >= burstGap {
		span = max(span, 2*g)
	}
	blocks := rate / BlockSize
	ahead := min(blocks*leastAhead.Seconds(), steadyWindow)
	return int(min(max(blocks*min(span, mostAhead).Seconds(), ahead, leastWindow), mostWindow))
}

// gap is the longest silence between two blocks of late.
type gap struct {
	now, before time.Duration // in this spell, and in the one before
	since       time.Time     // when this spell began
}

// gapSpell is how long a silence is remembered at least, while blocks come.
const gapSpell = 2 * time.Second

func (g *gap) add(now time.Time, d time.Duration) {
	g.turn(now)
	g.now = max(g.now, d)
}

func (g *gap) longest(now time.Time) time.Duration {
	g.turn(now)
	return max(g.now, g.before)
}

func (g *gap) turn(now time.Time) {
	if now.Sub(g.since) >= gapSpell {
		g.now, g.before, g.since = 0, g.now, now
	}
}
