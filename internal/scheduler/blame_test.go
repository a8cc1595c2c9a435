package scheduler

import (
	"slices"
	"testing"
	"time"
)

// digestsOf are those of good blocks, but of the bad ones listed.
func digestsOf(bad ...int) []Digest {
	ds := make([]Digest, perUnit)
	for b := range ds {
		ds[b][0] = byte(b + 1)
		if slices.Contains(bad, b) {
			ds[b][1] = 0xff
		}
	}
	return ds
}

// shared makes unit 0 arrive from the sources, one block each in turn.
func shared(t *testing.T, s *Scheduler, ids ...SourceID) {
	t.Helper()
	for b := range perUnit {
		id := ids[b%len(ids)]
		deliver(t, s, t0, id, s.Pick(nil, t0, id, 1, PickOptions{})...)
	}
	if s.status[0].state() != complete {
		t.Fatal("unit 0 is not complete")
	}
}

func TestSoleContributorIsGuilty(t *testing.T) {
	s := newTest(1, 1)
	addSeed(s, 1, 2)
	shared(t, s, 1)
	if s.NeedDigests(0, false) {
		t.Error("digests are asked for though there is one contributor")
	}
	b := s.Failed(0, nil, nil)
	if !slices.Equal(b.Guilty, []SourceID{1}) || len(b.Suspects) > 0 {
		t.Errorf("blame %+v", b)
	}
	check(t, s)
	if got := s.Pick(nil, t0, 1, 4, PickOptions{}); len(got) > 0 {
		t.Errorf("a guilty source is asked for %v", got)
	}
	shared(t, s, 2)
	if b = s.Passed(0, nil); len(b.Guilty)+len(b.Suspects) > 0 {
		t.Errorf("blame %+v", b)
	}
	if !s.Done() {
		t.Error("not done")
	}
}

func TestKnownBadBlocks(t *testing.T) {
	s := newTest(1, 1)
	addSeed(s, 1, 2)
	shared(t, s, 1, 2)
	b := s.Failed(0, []int{3}, digestsOf(3))
	if !slices.Equal(b.Guilty, []SourceID{2}) || len(b.Suspects) > 0 || s.Strikes(1) > 0 {
		t.Errorf("blame %+v, %d strikes", b, s.Strikes(1))
	}
	check(t, s)
	if got := s.Pick(nil, t0, 1, 4, PickOptions{}); !slices.Equal(got, []Request{{0, 3}}) {
		t.Errorf("asked again for %v, want only the bad block", got)
	}
}

func TestSuspectsThenProof(t *testing.T) {
	s := newTest(3, 1)
	s.SetWanted(1, None)
	s.SetWanted(2, None)
	addSeed(s, 1, 2, 3)
	shared(t, s, 1, 2)
	if !s.NeedDigests(0, false) {
		t.Error("digests are not asked for")
	}
	b := s.Failed(0, nil, digestsOf(1, 3))
	if !slices.Equal(b.Suspects, []SourceID{1, 2}) || len(b.Guilty) > 0 {
		t.Errorf("blame %+v", b)
	}
	if s.Strikes(1) != 1 || s.Strikes(2) != 1 || s.Strikes(3) != 0 {
		t.Error("strikes are wrong")
	}
	check(t, s)

	// The second attempt is one source's alone.
	rs := s.Pick(nil, t0, 3, 2, PickOptions{})
	if got := s.Pick(nil, t0, 1, 4, PickOptions{}); len(got) > 0 {
		t.Errorf("another source is asked for %v of the unit under suspicion", got)
	}
	rs = s.Pick(rs, t0, 3, 2, PickOptions{})
	deliver(t, s, t0, 3, rs...)
	if !s.NeedDigests(0, true) {
		t.Error("digests are not asked for")
	}
	b = s.Passed(0, digestsOf())
	if !slices.Equal(b.Guilty, []SourceID{2}) {
		t.Errorf("guilty %v, want 2", b.Guilty)
	}
	if s.Strikes(1) != 0 {
		t.Error("the honest suspect is not cleared")
	}
	check(t, s)
}

func TestSuspectWorksAlone(t *testing.T) {
	s := newTest(3, 1)
	s.SetWanted(1, None)
	s.SetWanted(2, None)
	addSeed(s, 1, 2, 3)
	shared(t, s, 1, 2)
	s.Failed(0, nil, digestsOf(0))
	s.SetWanted(1, Normal)
	s.SetWanted(2, Normal)
	s.Pick(nil, t0, 3, 1, PickOptions{}) // takes the failed unit
	a := s.Pick(nil, t0, 1, 1, PickOptions{})
	b := s.Pick(nil, t0, 2, 1, PickOptions{})
	if len(a) != 1 || len(b) != 1 || a[0].Unit == b[0].Unit || a[0].Unit == 0 || b[0].Unit == 0 {
		t.Errorf("suspects are asked for %v and %v, want a unit each", a, b)
	}
	deliver(t, s, t0, 1, append(a, s.Pick(nil, t0, 1, perUnit-1, PickOptions{})...)...)
	s.Passed(a[0].Unit, nil)
	if s.Strikes(1) != 0 {
		t.Error("a good unit of its own does not clear a suspect")
	}
}

func TestSoloDoesNotHangOnASlowSource(t *testing.T) {
	s := newTest(1, 1)
	addSeed(s, 1, 2, 3)
	shared(t, s, 1, 2)
	s.Failed(0, nil, digestsOf(0))
	s.Pick(nil, t0, 3, 1, PickOptions{})
	if got := s.Pick(nil, t0.Add(soloPatience/2), 1, 4, PickOptions{}); len(got) > 0 {
		t.Errorf("shared too early: %v", got)
	}
	if got := s.Pick(nil, t0.Add(2*soloPatience), 1, 4, PickOptions{}); len(got) == 0 {
		t.Error("not shared with a source that waits")
	}
	check(t, s)
}

func TestTaintedUnitStrikesNobody(t *testing.T) {
	s := newTest(2, 1)
	addSeed(s, 1, 2)
	s.SetSequential(true)
	a := s.Pick(nil, t0, 1, 2, PickOptions{})
	b := s.Pick(nil, t0, 2, 2+perUnit, PickOptions{})
	deliver(t, s, t0, 1, a...)
	deliver(t, s, t0, 2, b[2:]...)
	if g := s.Failed(1, nil, nil).Guilty; !slices.Equal(g, []SourceID{2}) {
		t.Fatalf("guilty %v", g)
	}
	// What the liar still had on the way of the shared unit was refused, and must come from another.
	if s.Arriving(t0, 2, b[0]) {
		t.Error("a block of a liar is accepted")
	}
	check(t, s)
}

func TestEvidenceIsBounded(t *testing.T) {
	var e evidence
	pt := &part{blocks: make([]block, 1000)}
	for u := range 200 {
		for range 10 {
			e.add(u, pt, make([]Digest, 1000))
		}
		if e.held > evidenceLimit || len(e.attempts[u]) > maxAttempts {
			t.Fatalf("holds %d digests, %d attempts", e.held, len(e.attempts[u]))
		}
	}
	held := 0
	for _, u := range slices.Clone(e.units) {
		for _, a := range e.take(u) {
			held += len(a.digests)
		}
	}
	if held == 0 || e.held != 0 || len(e.units) != 0 || len(e.attempts) != 0 {
		t.Errorf("took %d, still %d held in %d units", held, e.held, len(e.units))
	}
}

func TestPaceAndQueue(t *testing.T) {
	var q queue
	for b := range 1000 {
		q.push(Request{0, b})
	}
	for b := 999; b >= 1; b-- {
		if !q.remove(Request{0, b}) {
			t.Fatalf("request %d is gone", b)
		}
		q.push(Request{1, b})
	}
	if len(q.items) > 3000 || q.len() != 1000 {
		t.Errorf("%d entries for %d requests", len(q.items), q.len())
	}
	if r, ok := q.first(); !ok || r != (Request{0, 0}) {
		t.Errorf("first %v", r)
	}
	if q.remove(Request{0, 5}) {
		t.Error("removed twice")
	}

	var p pace
	p.busy(0)
	for i := range 100 {
		p.arrived(time.Duration(i+1)*10*time.Millisecond, false)
	}
	if got := p.block(); got < 9*time.Millisecond || got > 11*time.Millisecond {
		t.Errorf("pace %v, want 10ms", got)
	}
}
