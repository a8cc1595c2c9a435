package bittorrent

import "time"

// The round trip is that of the fastest block. While the pipeline is full that says nothing of a path which has become longer: each
// block takes as long as the window lasts. If the path takes longer than that, the window holds the rate down, and the rate the window.
// So when the rate falls the pipeline is drained once, and what is asked for then tells.
const (
	// slack is the part of its best rate below which a flow has fallen.
	slack = 0.5
	// drainEvery is how often at most the pipeline is drained, which costs a round trip.
	drainEvery = 10 * time.Second
)

// flow is what has come since the pipeline last ran dry.
type flow struct {
	Meter
	best   float64   // the best rate since the pipeline was last drained, in bytes per second
	since  time.Time // when that was decided
	drains bool      // nothing more is asked for until all of it has come
	alone  time.Time // when blocks were asked for with nothing else under way, to see how long they take; zero: none are
}

// watch has the pipeline drained when the flow, which has settled, has fallen.
func (f *flow) watch(now time.Time, rate float64) {
	if rate < slack*f.best && now.Sub(f.since) >= drainEvery {
		f.best, f.since, f.drains = rate, now, true
	}
	f.best = max(f.best, rate)
}

// drained is told that the pipeline is empty, and more is asked for now.
func (f *flow) drained(now time.Time) {
	if f.drains {
		f.drains, f.alone = false, now
	}
}

// tripped is told of a block that was asked for then, and arrives now. The silence before it counts, unless it is due to our draining.
func (d *download) tripped(now, sent time.Time) {
	took := now.Sub(sent)
	alone := !d.flow.alone.IsZero() && sent.Equal(d.flow.alone)
	if alone {
		d.flow.alone = time.Time{}
	} else {
		d.gap.add(now, now.Sub(d.lastIn))
	}
	if d.rtt == 0 || took < d.rtt || alone && took > max(trips*d.rtt, leastAhead) {
		d.rtt = took
	}
}
