package netx

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The bucket holds a tenth of a second, so a new rate is felt at once, but never less than one block of 16 KiB.
const (
	burstShare = 10
	minBurst   = 16 << 10
)

// Limiter is a rate in bytes per second. The zero value does not limit. It is safe for concurrent use and a change of rate
// works at once for everybody who shares it.
type Limiter struct {
	mu    sync.Mutex
	per   int64
	burst int
	lim   *rate.Limiter
}

// NewLimiter limits to so many bytes per second; 0 is no limit.
func NewLimiter(bytesPerSecond int64) *Limiter {
	l := &Limiter{}
	l.set(time.Time{}, bytesPerSecond)
	return l
}

// SetRate changes the rate; 0 is no limit. Bytes taken before and not yet waited for still count.
func (l *Limiter) SetRate(now time.Time, bytesPerSecond int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(now, bytesPerSecond)
}

func (l *Limiter) set(now time.Time, bytesPerSecond int64) {
	l.per = max(bytesPerSecond, 0)
	l.burst = int(min(max(l.per/burstShare, minBurst), 1<<30))
	switch {
	case l.per == 0:
		l.lim = nil
	case l.lim == nil:
		l.lim = rate.NewLimiter(rate.Limit(l.per), l.burst)
	default:
		l.lim.SetLimitAt(now, rate.Limit(l.per))
		l.lim.SetBurstAt(now, l.burst)
	}
}

// Rate is the rate in bytes per second; 0 is no limit.
func (l *Limiter) Rate() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.per
}

// Take accounts for n bytes at now and returns how long to wait before going on. It never refuses: n may be larger than
// what flows in a second, and callers who come meanwhile wait behind it.
func (l *Limiter) Take(now time.Time, n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lim == nil {
		return 0
	}
	var wait time.Duration
	for n > 0 {
		// A reservation above the size of the bucket would be refused.
		part := min(n, l.burst)
		wait = l.lim.ReserveN(now, part).DelayFrom(now)
		n -= part
	}
	return wait
}

// Chain is several limits that hold together, say one for the node and one for the object.
type Chain []*Limiter

// Take accounts for n bytes with every limiter and returns the longest wait.
func (c Chain) Take(now time.Time, n int) time.Duration {
	var wait time.Duration
	for _, l := range c {
		wait = max(wait, l.Take(now, n))
	}
	return wait
}

// Pause waits as long as a limiter says, unless the context ends first: then it returns the context's error.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
