package utp

import (
	"testing"
	"time"
)

func TestPeerWindow(t *testing.T) {
	var w peerWindow
	w.set(1 << 31)
	if w.size != maxWindow || w.packets() != maxAhead {
		t.Error(w.size, w.packets())
	}
	w = peerWindow{}
	w.set(1 << 20)
	w.set(0)
	if w.packets() != 953 { // less than the 1024 that libutp keeps
		t.Error(w.packets())
	}
	now := start
	var asked []time.Duration
	for len(asked) < 6 {
		if w.blocked(now) {
			asked = append(asked, now.Sub(start))
			w.sent(1)
		}
		now = now.Add(100 * ms)
	}
	for i, want := range []time.Duration{1, 3, 7, 15, 30, 45} {
		if got := asked[i].Truncate(time.Second); got != want*time.Second {
			t.Errorf("probe %d after %v", i, got)
		}
	}
}
