package feed

import (
	"math/rand/v2"
	"time"
)

const (
	// poll is the time between two look-ups of a followed feed, give or take a quarter.
	poll = 5 * time.Minute
	// When a source leaves, it may have gone over to a new version: the feed is looked up after eager, then each time after
	// twice as long, until it is time for poll again.
	eager = 5 * time.Second
)

// Follow decides when a followed feed is looked up.
type Follow struct {
	rng   *rand.Rand
	next  time.Time
	delay time.Duration // of the next look-up, while it is eager; 0: it is not
}

// NewFollow begins to follow, with a look-up at once.
func NewFollow(now time.Time, rng *rand.Rand) *Follow { return &Follow{rng: rng, next: now} }

// Next is when to look the feed up.
func (f *Follow) Next() time.Time { return f.next }

// Looked says that it has been looked up, whatever was found.
func (f *Follow) Looked(now time.Time) {
	if f.delay *= 2; f.delay == 0 || f.delay >= poll/2 {
		f.delay = 0
		f.next = now.Add(spread(f.rng, poll))
		return
	}
	f.next = now.Add(f.delay)
}

// SourceLeft says that somebody who had the version at hand left.
func (f *Follow) SourceLeft(now time.Time) {
	if f.delay != 0 {
		return // it is eager already
	}
	f.delay = eager
	if soon := now.Add(f.delay); soon.Before(f.next) {
		f.next = soon
	}
}

// spread is a time give or take a quarter, so that those who follow a feed do not all come at once.
func spread(rng *rand.Rand, d time.Duration) time.Duration {
	return d - d/4 + time.Duration(rng.Int64N(int64(d/2)))
}
