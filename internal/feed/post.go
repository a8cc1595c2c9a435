package feed

import (
	"math/rand/v2"
	"time"
)

const (
	// repost is the time after which an item is put again, give or take a quarter. BEP 44: "Without re-announcement, these
	// items MAY expire in 2 hours. In order to keep items alive, they SHOULD be re-announced once an hour."
	repost = 45 * time.Minute
	// After an item that nobody took it is tried again after postRetry, then each time after twice as long, up to maxRetry.
	postRetry = 5 * time.Second
	maxRetry  = 5 * time.Minute
)

// Post decides when the item of a feed is put into the DHT.
type Post struct {
	rng      *rand.Rand
	sequence int64 // that was last put
	next     time.Time
	delay    time.Duration
}

// NewPost makes a Post that puts nothing before it is due.
func NewPost(rng *rand.Rand) *Post { return &Post{rng: rng} }

// Next is when to put the item with a sequence: at once, if it is another than the last.
func (p *Post) Next(now time.Time, sequence int64) time.Time {
	if sequence != p.sequence {
		p.sequence, p.next, p.delay = sequence, now, 0
	}
	return p.next
}

// Put says whether somebody took it.
func (p *Post) Put(now time.Time, taken bool) {
	if taken {
		p.next, p.delay = now.Add(spread(p.rng, repost)), 0
		return
	}
	p.delay = min(max(postRetry, 2*p.delay), maxRetry)
	p.next = now.Add(p.delay)
}
