package dht

import (
	"math/rand/v2"
	"testing"
	"time"
)

var epoch = time.Unix(1_700_000_000, 0)

// next is how long after epoch something is due; -1: nothing is.
func (s *Schedule) after() time.Duration {
	if at := s.Next(); !at.IsZero() {
		return at.Sub(epoch)
	}
	return -1
}

func newTestSchedule() *Schedule { return NewSchedule(rand.New(rand.NewPCG(1, 2))) }

// between says that d is at most most, and not less than seven eighths of it.
func between(d, most time.Duration) bool { return d <= most && d >= most-most/8 }

func TestScheduleBacksOffUntilSomebodyTakesIt(t *testing.T) {
	s := newTestSchedule()
	now := epoch
	s.Set(now, []Object{{Hashes: [][20]byte{{1}}}})
	for _, want := range []time.Duration{soonest, 2 * soonest, 4 * soonest, 8 * soonest, 16 * soonest, 32 * soonest, interval, interval} {
		look, ok := s.Begin(now)
		if !ok || look != (Look{Hash: [20]byte{1}, Announce: true}) {
			t.Fatal("nothing is due")
		}
		if _, again := s.Begin(now); again {
			t.Fatal("begun twice")
		}
		s.Ended(now, look.Hash, false)
		if wait := s.Next().Sub(now); !between(wait, want) {
			t.Errorf("waits for %v, want about %v", wait, want)
		}
		now = s.Next()
	}
	s.Hurry(now)
	s.Begin(now)
	s.Ended(now, [20]byte{1}, true)
	if wait := s.Next().Sub(now); !between(wait, interval) {
		t.Error("announced, and waits for", wait)
	}
}

func TestScheduleOfTheHungry(t *testing.T) {
	s := newTestSchedule()
	one := Object{Hashes: [][20]byte{{1}}}
	s.Set(epoch, []Object{one})
	s.Begin(epoch)
	s.Ended(epoch, one.Hashes[0], true)
	if !between(s.after(), interval) {
		t.Error(s.after())
	}
	one.Hungry = true
	s.Set(epoch, []Object{one})
	if s.after() != hungry {
		t.Error("hungry, and waits for", s.after())
	}
	// Whoever has what we lack may be about to announce it; those who were found may not be enough.
	now := s.Next()
	for _, step := range []struct {
		found bool
		wait  time.Duration
	}{{false, soonest}, {false, 2 * soonest}, {true, hungry}, {false, soonest}} {
		s.Begin(now)
		if step.found {
			s.Found(one.Hashes[0])
		}
		s.Ended(now, one.Hashes[0], true)
		if wait := s.Next().Sub(now); !between(wait, step.wait) {
			t.Errorf("found some: %v, and waits for %v, not %v", step.found, wait, step.wait)
		}
		now = s.Next()
	}
	// A seed has something new to tell.
	one.Hungry, one.Seed = false, true
	s.Set(epoch, []Object{one})
	if s.after() != 0 {
		t.Error("a seed now, and waits for", s.after())
	}
	if look, ok := s.Begin(epoch); !ok || !look.Seed {
		t.Error("not begun as a seed")
	}
}

// What may be private is not announced before that is known, and at once when it is.
func TestScheduleOfTheUnannounced(t *testing.T) {
	s := newTestSchedule()
	one := Object{Hashes: [][20]byte{{1}}, Unannounced: true}
	s.Set(epoch, []Object{one})
	if look, ok := s.Begin(epoch); !ok || look.Announce {
		t.Error("begun", look, ok)
	}
	s.Ended(epoch, one.Hashes[0], true)
	one.Unannounced = false
	s.Set(epoch, []Object{one})
	if look, ok := s.Begin(epoch); !ok || !look.Announce {
		t.Error("begun", look, ok)
	}
}

// What ends while it is looked up is forgotten then, and what begins again meanwhile is not looked up twice.
func TestScheduleForgets(t *testing.T) {
	s := newTestSchedule()
	objects := []Object{{Hashes: [][20]byte{{1}, {2}}}, {Hashes: [][20]byte{{3}}}}
	s.Set(epoch, objects)
	s.Begin(epoch)
	s.Set(epoch, nil)
	if len(s.entries) != 1 || s.after() != -1 {
		t.Error(len(s.entries), "left, due after", s.after())
	}
	s.Set(epoch, objects)
	if look, ok := s.Begin(epoch); !ok || look.Hash != [20]byte{2} {
		t.Error("begun", look, ok)
	}
	s.Set(epoch, nil)
	s.Ended(epoch, [20]byte{1}, true)
	s.Ended(epoch, [20]byte{2}, true)
	s.Ended(epoch, [20]byte{9}, true)
	s.Found([20]byte{9})
	if len(s.entries) != 0 {
		t.Error(len(s.entries), "left")
	}
}

func TestRouters(t *testing.T) {
	r := newRouters(epoch, true)
	if r.ask(epoch, true) || r.next() != epoch.Add(patience) {
		t.Error("the nodes of the last run get no chance")
	}
	now := epoch.Add(patience)
	for _, wait := range []time.Duration{firstWait, 2 * firstWait, 4 * firstWait} {
		if !r.ask(now, true) || r.ask(now, true) {
			t.Error("asked not at all, or twice")
		}
		if got := r.next().Sub(now); got != wait {
			t.Errorf("waits for %v, want %v", got, wait)
		}
		now = r.next()
	}
	if r.ask(now, false) || !r.next().IsZero() {
		t.Error("asked though we are in")
	}
	if r = newRouters(epoch, false); !r.ask(epoch, true) {
		t.Error("nobody is known, and nobody asked")
	}
}
