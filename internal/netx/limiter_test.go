package netx_test

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// transfer takes blocks for the given time as a connection would and returns the bytes per second it came to.
func transfer(take func(time.Time, int) time.Duration, start time.Time, block int, seconds float64) float64 {
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	var total int
	for now := start; now.Before(end); total += block {
		now = now.Add(take(now, block) + time.Microsecond)
	}
	return float64(total) / seconds
}

func TestLimiterKeepsTheRate(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, perSecond := range []int64{20_000, 1 << 20, 50 << 20} {
		for _, block := range []int{16 << 10, 256 << 10} {
			l := netx.NewLimiter(perSecond)
			got := transfer(l.Take, start, block, 100)
			if ratio := got / float64(perSecond); ratio < 0.98 || ratio > 1.2 {
				t.Errorf("%d B/s in blocks of %d: %.0f B/s", perSecond, block, got)
			}
		}
	}
}

func TestLimiterWithoutRate(t *testing.T) {
	var l netx.Limiter
	if w := l.Take(time.Unix(1, 0), 1<<30); w != 0 {
		t.Error("waits", w)
	}
	if netx.NewLimiter(-5).Rate() != 0 {
		t.Error("negative rate")
	}
}

func TestLimiterChange(t *testing.T) {
	now := time.Unix(1000, 0)
	l := netx.NewLimiter(1 << 20)
	l.SetRate(now, 10<<20)
	if got := transfer(l.Take, now, 256<<10, 10); got < 10<<20 || got > 11<<20 {
		t.Errorf("%.0f B/s after the change", got)
	}
	now = now.Add(20 * time.Second)
	l.SetRate(now, 0)
	if w := l.Take(now, 1<<30); w != 0 || l.Rate() != 0 {
		t.Error("still limited", w)
	}
	l.SetRate(now, 1000)
	if l.Take(now, 16<<10); l.Take(now, 1000) < 900*time.Millisecond {
		t.Error("not limited again")
	}
}

func TestChainIsAsSlowAsItsSlowest(t *testing.T) {
	start := time.Unix(1000, 0)
	node, object := netx.NewLimiter(1<<20), netx.NewLimiter(100_000)
	got := transfer(netx.Chain{node, object, &netx.Limiter{}}.Take, start, 16<<10, 100)
	if got < 98_000 || got > 105_000 {
		t.Errorf("%.0f B/s", got)
	}
	if w := (netx.Chain{}).Take(start, 1<<30); w != 0 {
		t.Error("empty chain waits", w)
	}
}

func BenchmarkLimiterTake(b *testing.B) {
	l := netx.NewLimiter(10 << 30)
	now := time.Unix(1000, 0)
	for b.Loop() {
		now = now.Add(25 * time.Microsecond)
		l.Take(now, 256<<10)
	}
}
