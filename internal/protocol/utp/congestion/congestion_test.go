package congestion

import (
	"testing"
	"time"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const ms = time.Millisecond

func TestWindowsAfterSilence(t *testing.T) {
	for _, c := range []Controller{NewCubic(), NewLedbat()} {
		for range 5 {
			c.Acked(start, Progress{Bytes: c.Window(), InFlight: c.Window(), Packet: 1452, Limited: true, RTT: 50 * ms})
		}
		if c.Window() != initialWindow<<5 {
			t.Fatal(c.Window())
		}
		c.Idled(2)
		if c.Window() != initialWindow<<3 {
			t.Error(c.Window())
		}
		c.Idled(1000)
		if c.Window() != initialWindow || !c.Starting() {
			t.Error(c.Window())
		}
	}
}
