package bittorrent

import (
	"math"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m Meter
	if m.Rate(epoch) != 0 || m.Settled(epoch) {
		t.Error("a meter that saw nothing")
	}
	m.Add(epoch, 1000)
	if got := m.Rate(epoch); got != 1000/leastSpan.Seconds() {
		t.Errorf("at once: %v", got)
	}
	if m.Settled(after(settled-1)) || !m.Settled(after(settled)) {
		t.Error("settled at the wrong time")
	}
	if got := m.Rate(after(2 * time.Second)); got != 500 {
		t.Errorf("after two seconds: %v", got)
	}
	if got := m.Rate(after(time.Minute)); got != 0 || m.Total() != 1000 {
		t.Errorf("after a minute: %v, total %d", got, m.Total())
	}
}

func TestMeterIsSteady(t *testing.T) {
	for _, step := range []time.Duration{time.Millisecond, 30 * time.Millisecond, 333 * time.Millisecond} {
		var m Meter
		for d := time.Duration(0); d < time.Minute; d += step {
			m.Add(after(d), int(step/time.Microsecond)) // a million a second
			if d < 2*time.Second {
				continue
			}
			if got := m.Rate(after(d)); math.Abs(got-1e6) > 2e5 {
				t.Fatalf("steps of %v: rate %v after %v", step, got, d)
			}
		}
	}
}

// TestMeterWithAStepOfTheClock: a clock that goes back must neither panic nor freeze the rate.
func TestMeterWithAStepOfTheClock(t *testing.T) {
	var m Meter
	m.Add(time.Time{}, 10)
	m.Add(time.Time{}.Add(-time.Hour), 10)
	m.Rate(time.Time{}.Add(-time.Hour))
	m.Add(time.Time{}.Add(time.Second), 10)
	if m.Total() != 30 || m.Rate(time.Time{}.Add(time.Hour)) != 0 {
		t.Errorf("total %d, rate %v", m.Total(), m.Rate(time.Time{}.Add(time.Hour)))
	}
}
