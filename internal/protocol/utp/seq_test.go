package utp

import (
	"testing"
	"time"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const ms = time.Millisecond

func TestSequenceNumbersGoRound(t *testing.T) {
	for _, c := range []struct {
		a, b uint16
		want bool
	}{{1, 2, true}, {2, 1, false}, {5, 5, false}, {65535, 0, true}, {0, 65535, false}, {65000, 100, true}} {
		if before(c.a, c.b) != c.want {
			t.Errorf("before(%d, %d)", c.a, c.b)
		}
	}
}

func TestTimestampIsNeverNone(t *testing.T) {
	c := clock{epoch: start}
	if c.micros(start) != 1 || c.micros(start.Add(time.Second)) != 1e6 || c.micros(start.Add(1<<32*time.Microsecond)) != 1 {
		t.Error(c.micros(start), c.micros(start.Add(time.Second)))
	}
}
