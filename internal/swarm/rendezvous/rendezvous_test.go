package rendezvous

import (
	"net/netip"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 6881)
}

// TestRates: each role has so many at once, and one in so long, and none is at the cost of another.
func TestRates(t *testing.T) {
	var d Desk
	for _, tt := range []struct {
		name  string
		r     rate
		allow func(p *Party, now time.Time) bool
	}{
		{"serve", serving, func(p *Party, now time.Time) bool { return p.MayAsk(now) }},
		{"call", calling, func(p *Party, now time.Time) bool { return p.MayCall(now) }},
		{"ask", asking, func(p *Party, now time.Time) bool { return p.Ask(now, address(1)) }},
		{"heed", heeding, func(p *Party, now time.Time) bool { return d.Heed(now, p) }},
	} {
		var p Party
		now := epoch
		count := func(during time.Duration) (n int) {
			for end := now.Add(during); !now.After(end); now = now.Add(100 * time.Millisecond) {
				for tt.allow(&p, now) {
					n++
				}
			}
			return n
		}
		if n := count(0); n != tt.r.burst {
			t.Errorf("%s: %d at once", tt.name, n)
		}
		if n, want := count(10*tt.r.every), 10; n != want {
			t.Errorf("%s: %d while %d were paid for", tt.name, n, want)
		}
		now = now.Add(time.Hour)
		if n := count(0); n != tt.r.burst {
			t.Errorf("%s: %d at once after an hour", tt.name, n)
		}
	}
}

// TestHeedsFewOfMany: however many relays call, there is a bound on all together, and one that has had its share is at nobody's cost.
func TestHeedsFewOfMany(t *testing.T) {
	var d Desk
	heeded, greedy := 0, 0
	first := new(Party)
	for range 1000 {
		if d.Heed(epoch, first) {
			greedy++
		}
	}
	for range 100 {
		var p Party
		for range 10 {
			if d.Heed(epoch, &p) {
				heeded++
			}
		}
	}
	if greedy != heeding.burst || heeded != heedingAll.burst-heeding.burst {
		t.Errorf("%d of one, %d of the others", greedy, heeded)
	}
}

func TestKnown(t *testing.T) {
	var p Party
	for i := range 3 * maxKnown {
		p.Told(address(i))
		p.Told(address(i))
	}
	if p.Knows(address(2*maxKnown-1)) || !p.Knows(address(2*maxKnown)) || len(p.known) != maxKnown {
		t.Errorf("knows %d, or not the latest", len(p.known))
	}
	last := address(3*maxKnown - 1)
	if !p.Ask(epoch, last) || p.Knows(last) {
		t.Error("to be asked again before it has answered")
	}
	if p.Called(netip.AddrPortFrom(last.Addr(), 1)); !p.Knows(last) {
		t.Error("its answer is not taken")
	}
	if p.Failed(last) || !p.Knows(last) {
		t.Error("it was not asked, and has failed")
	}
	if p.Ask(epoch, last); !p.Failed(last) || p.Knows(last) {
		t.Error("not forgotten")
	}
	p.Told(last)
	if p.Forget(last); p.Knows(last) {
		t.Error("not forgotten")
	}
	for i := range 10 * maxAsked {
		p.Ask(epoch.Add(time.Duration(i)*time.Minute), address(i))
	}
	if len(p.asked) != maxAsked {
		t.Errorf("%d unanswered", len(p.asked))
	}
}

func TestExpected(t *testing.T) {
	var d Desk
	d.Expect(epoch, address(1))
	if !d.Expects(epoch.Add(expectedFor), address(1)) || d.Expects(epoch.Add(expectedFor+1), address(1)) || d.Expects(epoch, address(2)) {
		t.Error("not for as long as it should, or somebody else")
	}
	d.Expect(epoch.Add(time.Second), address(1))
	if !d.Expects(epoch.Add(expectedFor+1), address(1)) || len(d.expected) != 1 {
		t.Errorf("expected again: %v", d.expected)
	}
	for i := range 2 * maxExpected {
		d.Expect(epoch, address(i))
	}
	if len(d.expected) != maxExpected || d.Expects(epoch, address(1)) || !d.Expects(epoch, address(2*maxExpected-1)) {
		t.Errorf("%d are expected", len(d.expected))
	}
	d.Expect(epoch.Add(time.Hour), address(0))
	if len(d.expected) != 1 {
		t.Errorf("%d are expected an hour later", len(d.expected))
	}
}
