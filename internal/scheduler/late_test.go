package scheduler

import (
	"testing"
	"time"
)

// TestLateBlocks: a block that we took back and that comes all the same is taken whenever it is missing.
func TestLateBlocks(t *testing.T) {
	late := Request{0, 2}
	begin := func() *Scheduler {
		s := newTest(2, 1)
		s.SetWanted(1, None)
		addSeed(s, 1, 2, 3, 4, 5)
		s.Pick(nil, t0, 1, perUnit, PickOptions{Fast: true})
		s.ReleaseAll(1)
		return s
	}
	for _, tt := range []struct {
		name  string
		since func(s *Scheduler)
		want  bool
	}{
		{"nobody was asked since", func(*Scheduler) {}, true},
		{"another was asked", func(s *Scheduler) { s.Pick(nil, t0, 2, perUnit, PickOptions{Fast: true}) }, true},
		{"as many as may be were asked", func(s *Scheduler) {
			at := t0
			for id := SourceID(2); id <= 4; id++ {
				s.Pick(nil, at, id, perUnit, PickOptions{Fast: true})
				at = at.Add(10 * time.Minute) // whoever is that late is helped
			}
		}, true},
		{"it has lost the unit", func(s *Scheduler) { s.Lost(1, 0) }, true},
		{"it has arrived", func(s *Scheduler) { s.Pick(nil, t0, 2, perUnit, PickOptions{}); deliver(t, s, t0, 2, late) }, false},
		{"it is arriving", func(s *Scheduler) { s.Pick(nil, t0, 2, perUnit, PickOptions{}); s.Arriving(t0, 2, late) }, false},
		{"the unit is verified", func(s *Scheduler) { s.MarkVerified(0) }, false},
		{"the unit is wanted no more", func(s *Scheduler) { s.SetWanted(0, None) }, false},
		{"it is a suspect", func(s *Scheduler) { s.sources[1].strikes = 1 }, false},
		{"another is to fetch it alone", func(s *Scheduler) {
			s.sources[2].strikes = 1
			s.Pick(nil, t0, 2, perUnit, PickOptions{})
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := begin()
			tt.since(s)
			_, left := s.Remaining()
			got := s.Arriving(t0, 1, late)
			if got != tt.want {
				t.Fatalf("taken: %v", got)
			}
			check(t, s)
			if !got {
				return
			}
			s.Arrived(t0, 1, late)
			check(t, s)
			if _, now := s.Remaining(); now != left-1 {
				t.Errorf("%d blocks left of %d", now, left)
			}
		})
	}
	s := begin()
	for _, r := range []Request{{-1, 0}, {2, 0}, {0, -1}, {0, perUnit}} {
		if s.Arriving(t0, 1, r) {
			t.Errorf("%v is taken", r)
		}
	}
	// One that breaks off leaves nothing behind.
	if s.Arriving(t0, 1, late); len(s.parts) != 1 {
		t.Error("not begun again")
	}
	s.Aborted(1, late)
	if check(t, s); len(s.parts) != 0 {
		t.Error("the unit stays begun")
	}
}
