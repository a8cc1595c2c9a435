package addressbook

import (
	"testing"
	"time"
)

// TestBackOff dials addresses at which nobody is, for a day.
func TestBackOff(t *testing.T) {
	for _, tt := range []struct {
		name    string
		origin  Origin
		saved   bool
		early   int // tries in the first ten minutes
		atLeast int // in a day
		atMost  int
	}{
		{"user", FromUser, false, 10, 1100, 1400},
		{"link", FromLink, false, 10, 30, 50},
		{"tracker", FromTracker, false, 3, 20, 30},
		{"peer", FromPeer, false, 3, 20, 30},
		{"tracker, of the last run", FromTracker, true, 10, 30, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBook()
			if tt.saved {
				b.Restore([]Saved{{Addr: address(1), Origin: tt.origin, Moved: 1}})
			} else {
				add(b, tt.origin, address(1))
			}
			early, all := 0, 0
			for at := time.Duration(0); at < 24*time.Hour; at += time.Second {
				addr, try, ok := b.Next(epoch.Add(at))
				if !ok {
					continue
				}
				if addr != address(1) || try != all {
					t.Fatalf("dials %v, try %d of %d", addr, try, all)
				}
				b.Failed(epoch.Add(at+time.Millisecond), addr)
				all++
				if at < 10*time.Minute {
					early++
				}
			}
			if early < tt.early || tt.early == 3 && early > 3 || all < tt.atLeast || all > tt.atMost {
				t.Errorf("%d tries in ten minutes, %d in a day", early, all)
			}
		})
	}
}

// TestAfterTheConnection: how long an address is left alone depends on why the connection ended.
func TestAfterTheConnection(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lasted time.Duration
		why    Outcome
		next   time.Duration
		try    int
	}{
		{"a good one was lost", time.Hour, Broken, 2 * time.Second, 1},
		{"it was lost at once", time.Second, Broken, 4 * time.Second, 2},
		{"of no use", time.Second, Useless, uselessFor, 1},
		{"not needed", time.Second, Unneeded, laterAgain, 1},
		{"the user paused", time.Second, Stopped, 0, 1},
		{"our way out closed", time.Second, NoWay, wayAgain, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBook()
			add(b, FromUser, address(1))
			b.Next(epoch)
			b.Failed(epoch, address(1))
			now := epoch.Add(2 * time.Second)
			if _, _, ok := b.Next(now); !ok {
				t.Fatal("not dialled again")
			}
			b.Connected(now, address(1))
			now = now.Add(tt.lasted)
			b.Left(now, address(1), tt.why)
			if tt.next > 0 {
				if _, _, ok := b.Next(now.Add(tt.next - 1)); ok {
					t.Error("dialled too early")
				}
			}
			if _, try, ok := b.Next(now.Add(tt.next)); !ok || try != tt.try {
				t.Errorf("dialled: %v, try %d", ok, try)
			}
		})
	}
}

// TestOurselves: where we listen ourselves nobody dials again, whoever names it.
func TestOurselves(t *testing.T) {
	b := newBook()
	add(b, FromTracker, address(1))
	b.Next(epoch)
	b.Left(epoch, address(1), Self)
	b.Failed(epoch, address(1))
	add(b, FromUser, address(1))
	if _, _, ok := b.Next(epoch.Add(24 * time.Hour)); ok || b.Dialling() != 0 {
		t.Errorf("dialled again: %v, %d dialling", ok, b.Dialling())
	}
}

// TestLyingTeller: what came to nothing is no longer held against who told of it, and is remembered all the same.
func TestLyingTeller(t *testing.T) {
	b := newBook()
	add(b, FromTracker, address(1))
	for now := epoch; now.Before(epoch.Add(time.Hour)); now = now.Add(time.Second) {
		if addr, _, ok := b.Next(now); ok {
			b.Failed(now, addr)
		}
	}
	if len(b.tellers) != 0 || b.Known() != 1 {
		t.Errorf("tellers %v, %d known", b.tellers, b.Known())
	}
}

// TestAgain: another way of dialling is another try, of which a hint has three.
func TestAgain(t *testing.T) {
	for _, tt := range []struct {
		origin Origin
		want   int // connections in ten minutes, two for each time that it is dialled as long as that is allowed
	}{{FromTracker, 3}, {FromDHT, 3}, {FromLink, 12}, {FromUser, 20}} {
		b := newBook()
		add(b, tt.origin, address(1))
		if b.Again(address(1)) {
			t.Error("again, and never dialled")
		}
		made := 0
		for at := time.Duration(0); at < 10*time.Minute; at += time.Second {
			now := epoch.Add(at)
			if _, _, ok := b.Next(now); !ok {
				continue
			}
			made++
			if b.Again(address(1)) {
				made++
			}
			b.Failed(now, address(1))
		}
		if tt.origin > FromLink && made != tt.want || made < tt.want {
			t.Errorf("%v: %d connections, want %d", tt.origin, made, tt.want)
		}
	}
}
