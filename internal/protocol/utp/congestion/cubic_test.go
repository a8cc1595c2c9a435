package congestion

import (
	"testing"
	"time"
)

func TestCubicComesBack(t *testing.T) {
	c := NewCubic()
	now, rtt := start, 50*ms
	round := func() {
		now = now.Add(rtt)
		c.Acked(now, Progress{Bytes: c.Window(), InFlight: c.Window(), RTT: rtt, Packet: 1452, Limited: true})
	}
	for range 7 {
		round()
	}
	top := c.Window()
	if top != initialWindow<<7 || !c.Starting() {
		t.Fatal(top)
	}
	c.Lost(now)
	if w := c.Window(); w < top*69/100 || w > top*71/100 || c.Starting() {
		t.Error(w)
	}
	// K = cbrt(0.3 * 722 packets / 0.4) = 8.2 s.
	for now.Before(start.Add(8 * time.Second)) {
		round()
	}
	if w := c.Window(); w < top*95/100 || w > top*102/100 {
		t.Errorf("%d after 8 s, %d before", w, top)
	}
	for now.Before(start.Add(20 * time.Second)) {
		round()
	}
	if w := c.Window(); w < top*3/2 {
		t.Errorf("%d after 20 s", w)
	}
	c.TimedOut()
	if c.Window() != minWindow || !c.Starting() {
		t.Error(c.Window())
	}
	c.Acked(now, Progress{Bytes: 1 << 20})
	if c.Window() != minWindow {
		t.Error("grows without need")
	}
}
