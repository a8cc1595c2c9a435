package congestion

import (
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	var p Pacer
	p.Advance(start, 1<<20, false, 0)
	if p.Sent(1 << 20); !p.Next().IsZero() {
		t.Error("paces without knowing the round trip")
	}
	// 125 kB in 100 ms, a quarter faster: 1562500 B/s.
	p.Advance(start, 125_000, false, 100*ms)
	sent, now := 0, start
	for now.Before(start.Add(time.Second)) {
		p.Advance(now, 125_000, false, 100*ms)
		for p.Next().IsZero() {
			p.Sent(1000)
			sent += 1000
		}
		if !p.Next().After(now) {
			t.Fatal("wants to be asked at once")
		}
		now = p.Next()
	}
	if sent < 1_550_000 || sent > 1_580_000 {
		t.Errorf("%d bytes in a second", sent)
	}
}
