package congestion

import (
	"testing"
	"time"
)

// A queue with a length of its own stands behind a link: the delay is what the window has beyond it.
func queued(window int, rate float64, base time.Duration) time.Duration {
	return max(0, time.Duration(float64(window)/rate*float64(time.Second))-base)
}

func TestLedbatComesToTheTarget(t *testing.T) {
	l := NewLedbat()
	now, base, rate := start, 40*ms, 1e6
	least, most := time.Hour, time.Duration(0)
	for now.Before(start.Add(20 * time.Second)) {
		delay := queued(l.Window(), rate, base)
		now = now.Add(base + delay)
		l.Acked(now, Progress{Bytes: l.Window(), InFlight: l.Window(), Delay: delay, RTT: base + delay, Packet: 1452, Limited: true})
		if now.After(start.Add(10 * time.Second)) {
			least, most = min(least, delay), max(most, delay)
		}
	}
	if l.Starting() || least < 80*ms || most > 105*ms {
		t.Errorf("between %v and %v", least, most)
	}
}

func TestLedbatGivesWay(t *testing.T) {
	l := &Ledbat{cwnd: 1 << 20, phase: ledbatSteady, low: start}
	whole := func(delay time.Duration) int {
		before := l.Window()
		l.Acked(start, Progress{Bytes: before, InFlight: before, Delay: delay, Limited: true})
		return l.Window() - before
	}
	for _, c := range []struct {
		delay time.Duration
		want  int
	}{{0, 3000}, {50 * ms, 1500}, {100 * ms, 0}} {
		if got := whole(c.delay); got < c.want-1 || got > c.want+1 {
			t.Errorf("%v: %+d bytes, want %+d", c.delay, got, c.want)
		}
	}
	if before := l.Window(); whole(110*ms) > -before/11 {
		t.Error("gives way too slowly")
	}
	if before := l.Window(); whole(10*time.Second) < -before/2-1 {
		t.Error("gives up more than half of it")
	}
}

func TestLedbatIsCutOncePerBurst(t *testing.T) {
	l := &Ledbat{cwnd: 1 << 20, phase: ledbatSteady, low: start}
	l.Lost(start)
	l.Lost(start.Add(50 * ms))
	if l.Window() != 1<<19 {
		t.Error(l.Window())
	}
	l.Lost(start.Add(100 * ms))
	if l.Window() != 1<<18 {
		t.Error(l.Window())
	}
}

// What is lost while the queue holds next to nothing costs less than what a full queue loses.
func TestLedbatTellsLossesApart(t *testing.T) {
	for _, c := range []struct {
		name  string
		phase ledbatPhase
		cwnd  float64
		delay time.Duration
		keeps float64
	}{
		{"empty", ledbatSteady, 100_000, 0, 0.8},
		{"two packets in it", ledbatSteady, 58_000, 5 * ms, 0.8},
		{"a long queue", ledbatSteady, 100_000, 60 * ms, 0.5},
		{"a short queue that is full of ours", ledbatSteady, 1 << 20, 5 * ms, 0.5},
		{"at the start", ledbatSlowStart, 100_000, 0, 0.5},
	} {
		l := &Ledbat{cwnd: c.cwnd, threshold: c.cwnd, phase: c.phase, low: start}
		l.Acked(start, Progress{Delay: c.delay, RTT: 100 * ms, Packet: 1452})
		l.Lost(start)
		if got := l.cwnd / c.cwnd; got < c.keeps-0.01 || got > c.keeps+0.01 {
			t.Errorf("%s: keeps %.2f, want %.2f", c.name, got, c.keeps)
		}
	}
}

// A queue that is never empty is let run empty, and then filled again as it was.
func TestLedbatDrains(t *testing.T) {
	l := &Ledbat{cwnd: 1 << 20, phase: ledbatSteady, low: start}
	at := func(s float64, delay time.Duration) {
		l.Acked(start.Add(time.Duration(s*float64(time.Second))), Progress{Bytes: 1 << 19, InFlight: 1 << 20, Delay: delay, RTT: 100 * ms, Limited: true})
	}
	at(29, 100*ms)
	if l.Window() != 1<<20 {
		t.Error("drains too early")
	}
	at(31, 100*ms)
	if l.Window() != 2*minWindow {
		t.Error("does not drain")
	}
	l.Lost(start.Add(31100 * ms)) // what was in the queue may be lost
	at(31.1, 50*ms)
	if l.Window() != 2*minWindow {
		t.Error("does not wait until it is empty")
	}
	at(31.3, 0)
	at(31.4, 0)
	if l.Window() != 1<<19 || l.Starting() {
		t.Errorf("comes back to %d", l.Window())
	}
}
