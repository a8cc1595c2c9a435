package congestion

import (
	"testing"
	"time"
)

func TestDelayHistory(t *testing.T) {
	var h DelayHistory
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	near := uint32(1<<32 - 1000) // the difference of the clocks is about to go round
	if h.Add(at(0), near) != 0 || h.Queueing() != 0 {
		t.Error("the first sample")
	}
	for range 3 {
		h.Add(at(1), near+50_000)
	}
	if h.Queueing() != 50*ms {
		t.Error(h.Queueing())
	}
	h.Add(at(2), near+20_000) // one that is lower counts, one that is higher does not
	h.Add(at(2), near+900_000)
	if h.Queueing() != 20*ms {
		t.Error(h.Queueing())
	}
	if lowered := h.Add(at(3), near-5000); lowered != 5000 || h.Queueing() != 0 {
		t.Error(lowered, h.Queueing())
	}
	// The base is forgotten after the minute in which it was and two more.
	for s := 4.0; s < 300; s++ {
		h.Add(at(s), near+30_000)
		if want := 35 * ms; s < 170 && h.Queueing() != want && s > 6 || s > 245 && h.Queueing() != 0 {
			t.Fatal(s, h.Queueing())
		}
	}
	before := h.base
	h.Drifted(2000)
	h.Drifted(maxDrift + 1)
	if h.base != before+2000 {
		t.Error(h.base - before)
	}
	var none DelayHistory
	none.Drifted(5)
	if none.Queueing() != 0 || none.base != 0 {
		t.Error("drifts without a sample")
	}
}
