package utp

import (
	"testing"
	"time"
)

func TestRTT(t *testing.T) {
	var r rtt
	if r.timeout(0) != time.Second || r.timeout(2) != 4*time.Second {
		t.Error(r.timeout(0), r.timeout(2))
	}
	for range 50 {
		r.add(20 * ms)
	}
	if r.timeout(0) != 500*ms || r.timeout(3) != 4*time.Second || r.timeout(100) != time.Minute {
		t.Error(r.timeout(0), r.timeout(3), r.timeout(100))
	}
	r.add(100 * ms)
	if r.smoothed != 30*ms || r.least != 20*ms || r.latest != 100*ms {
		t.Errorf("%+v", r)
	}
	r = rtt{}
	r.add(time.Second)
	if r.timeout(0) != 3*time.Second {
		t.Error(r.timeout(0))
	}
}
