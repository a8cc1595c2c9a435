package feed

import (
	"math/rand/v2"
	"time"
)

const (
	// DefaultPoll is the time between two look-ups of a followed feed, give or take a quarter.
	DefaultPoll = 5 * time.Minute
	// When a source leaves, it may have gone over to a new version: the feed is looked up after eager, then each time after
	// twice as long, until it is time for poll again.
	eager = 5 * time.Second
)

// Follow decides when a followed feed is looked up.
type Follow struct {
	rng   *rand.Rand
	poll  time.Duration
	next  time.Time
	delay time.Duration // of the next look-up, while it is eager; 0: it is not
}

// NewFollow begins to follow, with a look-up at once; poll is the time between two, give or take a quarter.
func NewFollow(now time.Time, poll time.Duration, rng *rand.Rand) *Follow {
	return &Follow{rng: rng, poll: poll, next: now}
}

// Next is when to look the feed up.
func (f *Follow) Next() time.Time { return f.next }

// Looked says that it has been looked up, whatever was found.
func (f *Follow) Looked(now time.Time) {
	if f.delay *= 2; f.delay == 0 || f.delay >= f.poll/2 {
		f.delay = 0
		f.next = now.Add(spread(f.rng, f.poll))
		return
	}
	f.next = now.Add(f.delay)
}

// Hurry makes the next look-up due.
func (f *Follow) Hurry(now time.Time) { f.next = now }

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
