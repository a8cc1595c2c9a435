package scheduler

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const perUnit = 4

func newTest(units int, seed uint64) *Scheduler {
	return New(Config{Units: units, Blocks: func(int) int { return perUnit }, Rand: rand.New(rand.NewPCG(seed, 1))})
}

func bitmap(n int, units ...int) content.Bitmap {
	b := content.NewBitmap(n)
	for _, u := range units {
		b.Set(u)
	}
	return b
}

func addSeed(s *Scheduler, ids ...SourceID) {
	for _, id := range ids {
		s.AddSource(id)
		s.HaveAll(id)
	}
}

func unitsOf(rs []Request) []int {
	var us []int
	for _, r := range rs {
		if !slices.Contains(us, r.Unit) {
			us = append(us, r.Unit)
		}
	}
	return us
}

// deliver lets a source answer requests at once.
func deliver(t *testing.T, s *Scheduler, now time.Time, id SourceID, rs ...Request) (complete []int) {
	t.Helper()
	for _, r := range rs {
		if !s.Arriving(now, id, r) {
			t.Fatalf("block %v from %d is refused", r, id)
		}
		if done, _ := s.Arrived(now, id, r); done {
			complete = append(complete, r.Unit)
		}
	}
	return complete
}

func TestRarestFirst(t *testing.T) {
	s := newTest(6, 1)
	addSeed(s, 1)
	for id, has := range map[SourceID][]int{2: {0, 1, 2, 3}, 3: {0, 1, 3}, 4: {0, 3}} {
		s.AddSource(id)
		s.HaveBitmap(id, bitmap(6, has...))
	}
	s.SetWanted(3, High)
	s.SetWanted(5, Low)
	s.SetWanted(4, None)
	got := unitsOf(s.Pick(nil, t0, 1, 100, PickOptions{Fast: true}))
	if want := []int{3, 2, 1, 0, 5}; !slices.Equal(got, want) {
		t.Errorf("units in order %v, want %v", got, want)
	}
	if a := s.Availability(0); a != 4 {
		t.Errorf("availability of unit 0 is %d, want 4", a)
	}
	check(t, s)
}

func TestTiesAreRandom(t *testing.T) {
	first := make(map[int]bool)
	for seed := range uint64(20) {
		s := newTest(100, seed)
		addSeed(s, 1)
		first[s.Pick(nil, t0, 1, 1, PickOptions{})[0].Unit] = true
	}
	if len(first) < 10 {
		t.Errorf("20 seeds start with only %d different units", len(first))
	}
}

func TestSequentialAndDeadlines(t *testing.T) {
	s := newTest(5, 1)
	s.SetSequential(true)
	addSeed(s, 1, 2)
	s.MarkVerified(1)
	s.SetDeadline(4, t0.Add(9*time.Second))
	s.SetDeadline(3, t0.Add(4*time.Second))
	got := unitsOf(s.Pick(nil, t0, 1, 100, PickOptions{Fast: true}))
	if want := []int{3, 4, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("units in order %v, want %v", got, want)
	}
	// Shortly before its deadline a request that is late is duplicated.
	got = unitsOf(s.Pick(nil, t0.Add(3*time.Second), 2, perUnit, PickOptions{}))
	if want := []int{3}; !slices.Equal(got, want) {
		t.Errorf("before the deadline units %v are duplicated, want %v", got, want)
	}
	check(t, s)
}

func TestReservation(t *testing.T) {
	s := newTest(3, 1)
	addSeed(s, 1, 2)
	a := s.Pick(nil, t0, 1, 2, PickOptions{Fast: true})
	b := s.Pick(nil, t0, 2, 2*perUnit, PickOptions{Fast: true})
	if slices.Contains(unitsOf(b), a[0].Unit) {
		t.Error("a fast source was given blocks of a unit another has reserved, though there are others")
	}
	more := s.Pick(nil, t0, 1, 1, PickOptions{Fast: true})
	if len(more) != 1 || more[0] != (Request{a[0].Unit, 2}) {
		t.Errorf("the reserver continues with %v", more)
	}
	joined := s.Pick(nil, t0, 2, 1, PickOptions{Fast: true})
	if len(joined) != 1 || joined[0] != (Request{a[0].Unit, 3}) {
		t.Errorf("with nothing else to start, a source joins with %v", joined)
	}
	check(t, s)
}

func TestSlowSourcesShare(t *testing.T) {
	s := newTest(10, 1)
	addSeed(s, 1, 2)
	a := s.Pick(nil, t0, 1, 2, PickOptions{})
	b := s.Pick(nil, t0, 2, 2, PickOptions{})
	if us := unitsOf(append(a, b...)); len(us) != 1 {
		t.Errorf("two slow sources work on units %v, want one", us)
	}
}

func TestOnlyAndExclude(t *testing.T) {
	s := newTest(10, 1)
	addSeed(s, 1)
	only := bitmap(10, 2, 7)
	odd := func(u int) bool { return u%2 == 1 }
	got := s.Pick(nil, t0, 1, 100, PickOptions{Only: &only, Exclude: odd})
	if us := unitsOf(got); !slices.Equal(us, []int{2}) {
		t.Errorf("allowed units %v, want [2]", us)
	}
	got = s.Pick(nil, t0, 1, 100, PickOptions{Exclude: odd, Fast: true})
	us := unitsOf(got)
	slices.Sort(us)
	if !slices.Equal(us, []int{0, 4, 6, 8}) {
		t.Errorf("units %v, want the even ones", us)
	}
}

func TestInterest(t *testing.T) {
	s := newTest(4, 1)
	s.AddSource(1)
	steps := []struct {
		what string
		do   func()
		want bool
	}{
		{"nothing", func() {}, false},
		{"have", func() { s.Have(1, 2) }, true},
		{"verified", func() { s.MarkVerified(2) }, false},
		{"lost again", func() { s.Unverify(2) }, true},
		{"not wanted", func() { s.SetWanted(2, None) }, false},
		{"wanted", func() { s.SetWanted(2, Low) }, true},
		{"source lost it", func() { s.Lost(1, 2) }, false},
		{"source has all", func() { s.HaveAll(1) }, true},
		{"source lost one", func() { s.Lost(1, 0) }, true},
		{"none", func() { s.HaveNone(1) }, false},
		{"full bitmap", func() { s.HaveBitmap(1, bitmap(4, 0, 1, 2, 3)) }, true},
		{"gone", func() { s.RemoveSource(1) }, false},
	}
	for _, st := range steps {
		st.do()
		check(t, s)
		if got := s.Interesting(1); got != st.want {
			t.Errorf("%s: interesting %v", st.what, got)
		}
	}
}

func TestChokeOpensRequests(t *testing.T) {
	s := newTest(1, 1)
	addSeed(s, 1, 2)
	rs := s.Pick(nil, t0, 1, perUnit, PickOptions{Fast: true})
	if !s.Arriving(t0, 1, rs[0]) {
		t.Fatal("a requested block is refused")
	}
	s.ReleaseAll(1)
	check(t, s)
	if s.Outstanding(1) != 0 {
		t.Errorf("%d requests outstanding after a choke", s.Outstanding(1))
	}
	got := s.Pick(nil, t0, 2, 100, PickOptions{})
	if !slices.Equal(got, rs[1:]) {
		t.Errorf("others get %v, want %v", got, rs[1:])
	}
	// A late answer is taken if it is first, and the other request cancelled.
	if _, cancel := s.Arrived(t0, 1, rs[0]); len(cancel) != 0 {
		t.Errorf("cancel %v for a block nobody else was asked for", cancel)
	}
	if !s.Arriving(t0, 1, rs[1]) {
		t.Fatal("a late answer is refused")
	}
	if s.Arriving(t0, 2, rs[1]) {
		t.Error("a second copy is accepted while the first is arriving")
	}
	s.Arrived(t0, 1, rs[1])
	check(t, s)
	if s.Arriving(t0, 3, rs[2]) || s.Arriving(t0, 2, Request{0, 99}) || s.Arriving(t0, 2, Request{-1, 0}) {
		t.Error("a block that was never asked for is accepted")
	}
}

func TestSourceDiesInPayload(t *testing.T) {
	s := newTest(1, 1)
	addSeed(s, 1)
	rs := s.Pick(nil, t0, 1, perUnit, PickOptions{})
	deliver(t, s, t0, 1, rs[0])
	s.Arriving(t0, 1, rs[1])
	s.RemoveSource(1)
	check(t, s)
	addSeed(s, 2)
	if got := s.Pick(nil, t0, 2, 100, PickOptions{}); !slices.Equal(got, rs[1:]) {
		t.Errorf("others get %v, want %v", got, rs[1:])
	}
}

func TestUnitStartedForNothingIsIdleAgain(t *testing.T) {
	s := newTest(2, 1)
	addSeed(s, 1)
	s.Pick(nil, t0, 1, 100, PickOptions{Fast: true})
	s.RemoveSource(1)
	check(t, s)
	if s.idle != 2 || len(s.active) != 0 {
		t.Errorf("%d idle, %d active", s.idle, len(s.active))
	}
}

func TestEndgame(t *testing.T) {
	s := newTest(1, 1)
	addSeed(s, 1, 2, 3, 4)
	rs := s.Pick(nil, t0, 1, perUnit, PickOptions{Fast: true})
	if got := s.Pick(nil, t0, 2, 100, PickOptions{}); slices.Contains(got, rs[0]) {
		t.Error("a request is duplicated though its owner has only just been asked")
	}
	later := t0
	for id := SourceID(2); id <= 4; id++ {
		later = later.Add(time.Minute)
		got := s.Pick(nil, later, id, 100, PickOptions{})
		if id <= MaxOwners && len(got) == 0 || id > MaxOwners && len(got) != 0 {
			t.Errorf("source %d is asked for duplicates %v", id, got)
		}
	}
	check(t, s)
	s.Arriving(later, 2, rs[0])
	_, cancel := s.Arrived(later, 2, rs[0])
	slices.Sort(cancel)
	if !slices.Equal(cancel, []SourceID{1, 3}) {
		t.Errorf("cancel %v, want 1 and 3", cancel)
	}
	check(t, s)
}

func TestNoEndgameWhileUnitsCanBeStarted(t *testing.T) {
	s := newTest(2, 1)
	addSeed(s, 1)
	s.AddSource(2)
	s.HaveBitmap(2, bitmap(2, 0))
	s.SetWanted(1, None)
	s.Pick(nil, t0, 1, perUnit, PickOptions{Fast: true})
	s.SetWanted(1, Normal)
	later := t0.Add(time.Minute)
	if got := s.Pick(nil, later, 2, 10, PickOptions{}); len(got) != 0 {
		t.Errorf("duplicates %v while unit 1 can be started", got)
	}
	s.HaveBitmap(1, bitmap(2, 0))
	if got := s.Pick(nil, later, 2, 10, PickOptions{}); len(got) == 0 {
		t.Error("no duplicates though nobody has unit 1")
	}
}

func TestOverdue(t *testing.T) {
	s := newTest(2, 1)
	addSeed(s, 1, 2, 3)
	a := s.Pick(nil, t0, 1, 2, PickOptions{Fast: true})
	s.Pick(nil, t0.Add(time.Second), 2, 2, PickOptions{Fast: true})
	ids, next := s.Overdue(nil, t0.Add(9*time.Second), 10*time.Second)
	if len(ids) != 0 || !next.Equal(t0.Add(10*time.Second)) {
		t.Errorf("overdue %v, next %v", ids, next)
	}
	deliver(t, s, t0.Add(9*time.Second), 1, a[0])
	ids, next = s.Overdue(nil, t0.Add(11*time.Second), 10*time.Second)
	if !slices.Equal(ids, []SourceID{2}) || !next.Equal(t0.Add(19*time.Second)) {
		t.Errorf("overdue %v, next %v", ids, next)
	}
	s.ReleaseAll(2)
	if got := s.Pick(nil, t0.Add(11*time.Second), 3, 2, PickOptions{Fast: true}); len(got) != 2 {
		t.Errorf("the requests of a silent source are not given to others: %v", got)
	}
}

func TestVerifiedWhileInFlight(t *testing.T) {
	s := newTest(2, 1)
	addSeed(s, 1)
	rs := s.Pick(nil, t0, 1, 8, PickOptions{Fast: true})
	deliver(t, s, t0, 1, rs[0])
	s.Arriving(t0, 1, rs[1])
	n := 0
	for id := range s.Requests(rs[0].Unit) {
		if id == 1 {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d requests in flight, want 3", n)
	}
	s.MarkVerified(rs[0].Unit)
	check(t, s)
	if done, _ := s.Arrived(t0, 1, rs[1]); done || s.Receiving(1) {
		t.Error("a block of a verified unit arrived")
	}
	s.Forget(rs[4].Unit)
	check(t, s)
	if units, blocks := s.Remaining(); units != 1 || blocks != perUnit {
		t.Errorf("remaining %d units, %d blocks", units, blocks)
	}
}

func TestForget(t *testing.T) {
	s := newTest(1, 1)
	addSeed(s, 1)
	rs := s.Pick(nil, t0, 1, 4, PickOptions{})
	if done := deliver(t, s, t0, 1, rs...); len(done) != 1 {
		t.Fatal("unit is not complete")
	}
	s.Forget(0)
	check(t, s)
	if got := s.Pick(nil, t0, 1, 4, PickOptions{}); len(got) != 4 {
		t.Errorf("asked again for %v", got)
	}
}

func TestUnitOfNoBlocks(t *testing.T) {
	s := New(Config{Units: 2, Blocks: func(u int) int { return u }, Rand: rand.New(rand.NewPCG(1, 1))})
	s.SetWanted(0, High)
	addSeed(s, 1)
	if got := s.Pick(nil, t0, 1, 4, PickOptions{}); !slices.Equal(got, []Request{{1, 0}}) {
		t.Errorf("asked for %v", got)
	}
}
