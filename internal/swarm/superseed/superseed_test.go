package superseed

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newTest(pieces int) *Seed { return New(pieces, 1<<20, rand.New(rand.NewPCG(1, 2))) }

func TestEachPeerIsToldOfOtherPieces(t *testing.T) {
	s := newTest(20)
	seen := map[int]bool{}
	for id := ID(1); id <= 10; id++ {
		s.Join(id)
		told := s.Next(t0, id, true, nil)
		if len(told) != 2 {
			t.Fatalf("peer %d was told of %v", id, told)
		}
		for _, i := range told {
			if seen[i] {
				t.Errorf("piece %d was told to two", i)
			}
			seen[i] = true
			if !s.Told(id, i) || s.Told(id+1, i) {
				t.Errorf("it is not known who was told of %d", i)
			}
		}
		if more := s.Next(t0, id, true, nil); len(more) > 0 {
			t.Errorf("peer %d is told of %v before anything has happened", id, more)
		}
	}
	s.Join(11)
	if told := s.Next(t0, 11, true, nil); len(told) > 0 {
		t.Errorf("told of %v, which others are being given", told)
	}
	if told := s.Next(t0.Add(patience), 11, true, nil); len(told) > 0 {
		t.Errorf("told of %v before others have lost them", told)
	}
	now := t0.Add(patience)
	for id := ID(1); id <= 10; id++ {
		s.Next(now, id, true, nil) // nobody has taken any
	}
	if told := s.Next(now, 11, true, nil); len(told) != 2 {
		t.Errorf("told of %v after others have not taken them", told)
	}
}

// TestWhoIsNotServedHoldsNothingUp: a peer that we choke is told of as little as makes it interested.
func TestWhoIsNotServedHoldsNothingUp(t *testing.T) {
	s := New(100, 256<<10, rand.New(rand.NewPCG(1, 2)))
	s.Join(1)
	if told := s.Next(t0, 1, false, nil); len(told) != 2 {
		t.Errorf("told of %v while it is choked", told)
	}
	if told := s.Next(t0, 1, true, nil); len(told) != 6 {
		t.Errorf("told of %v more when it is served", told)
	}
}

// TestRarePiecesAreForAllWhenEachIsSomewhere: when there is a second copy, here and there, what is rare is told to others too.
func TestRarePiecesAreForAllWhenEachIsSomewhere(t *testing.T) {
	s := newTest(3)
	for id := ID(1); id <= 3; id++ {
		s.Join(id)
	}
	s.Have(t0, 1, 0)
	s.Have(t0, 2, 0)
	s.Have(t0, 1, 1)
	s.Have(t0, 2, 2)
	if told := s.Next(t0, 3, true, nil); !slices.Equal(sorted(told), []int{1, 2}) {
		t.Errorf("told of %v, and 1 and 2 are rare", told)
	}
}

func TestTheNextWhenTheFormerWasSeenElsewhere(t *testing.T) {
	s := newTest(100)
	s.Join(1)
	s.Join(2)
	told := s.Next(t0, 1, true, nil)
	s.Have(t0, 1, told[0])
	if more := s.Next(t0, 1, true, nil); len(more) > 0 {
		t.Errorf("told of %v though nobody else has the former", more)
	}
	s.Have(t0, 2, told[0])
	if more := s.Next(t0, 1, true, nil); len(more) != 1 || slices.Contains(told, more[0]) {
		t.Errorf("told of %v though another has the former", more)
	}
	// Seen elsewhere before the peer itself has it, it is no merit.
	s.Have(t0, 2, told[1])
	if more := s.Next(t0, 1, true, nil); len(more) > 0 {
		t.Errorf("told of %v", more)
	}
	s.Have(t0, 1, told[1])
	if more := s.Next(t0, 1, true, nil); len(more) != 1 {
		t.Errorf("told of %v", more)
	}
}

func TestNobodyToWaitFor(t *testing.T) {
	s := newTest(100)
	s.Join(1)
	for range 50 {
		told := s.Next(t0, 1, true, nil)
		if len(told) != 2 {
			t.Fatalf("a lone peer was told of %v", told)
		}
		for _, i := range told {
			s.Have(t0, 1, i)
		}
	}
	if !s.Over() {
		t.Error("another has all, and it is not over")
	}
}

// TestGivenIsHad: a peer that is given a piece has it, though it does not say so.
func TestGivenIsHad(t *testing.T) {
	s := newTest(100)
	s.Join(1)
	s.Join(2)
	told := s.Next(t0, 1, true, nil)
	if s.Gave(t0, 1, told[0], 60, 100) || s.Gave(t0, 1, 99, 100, 100) && !slices.Contains(told, 99) || s.Gave(t0, 3, told[0], 100, 100) {
		t.Error("had before it was given")
	}
	if !s.Gave(t0, 1, told[0], 40, 100) {
		t.Error("given, and not had")
	}
	s.Have(t0, 2, told[0])
	if more := s.Next(t0, 1, true, nil); len(more) != 1 {
		t.Errorf("told of %v", more)
	}
}

func TestPatience(t *testing.T) {
	s := newTest(100)
	s.Join(1)
	s.Join(2)
	told := s.Next(t0, 1, true, nil)
	now := t0.Add(patience - 1)
	s.Have(now, 1, told[0])
	if more := s.Next(now, 1, true, nil); len(more) > 0 {
		t.Error("impatient")
	}
	now = t0.Add(patience) // the other one it does not take
	if more := s.Next(now, 1, true, nil); len(more) != 1 {
		t.Errorf("told of %v in place of what it does not take", more)
	}
	now = now.Add(patience - 1) // the first it gives to nobody
	if more := s.Next(now, 1, true, nil); len(more) != 1 {
		t.Errorf("told of %v in place of what it gives to nobody", more)
	}
}

func TestWhoLeavesLeavesHisOffersToOthers(t *testing.T) {
	s := newTest(4)
	s.Join(1)
	s.Join(2)
	one, two := s.Next(t0, 1, true, nil), s.Next(t0, 2, true, nil)
	s.Have(t0, 2, two[0])
	s.Leave(1)
	s.Join(3)
	if told := s.Next(t0, 3, true, nil); !slices.Equal(sorted(told), sorted(one)) {
		t.Errorf("told of %v, not of %v", told, one)
	}
	s.Leave(2) // with its copy
	s.Join(4)
	if told := s.Next(t0, 4, true, nil); !slices.Equal(sorted(told), sorted(two)) {
		t.Errorf("told of %v, not of %v", told, two)
	}
}

func sorted(list []int) []int {
	slices.Sort(list)
	return list
}

func TestOver(t *testing.T) {
	s := newTest(3)
	for id := ID(1); id <= 4; id++ {
		s.Join(id)
	}
	s.Have(t0, 1, 0)
	s.Have(t0, 2, 0)
	s.Have(t0, 2, 1)
	s.Have(t0, 3, 1)
	s.Have(t0, 3, 2)
	if s.Over() {
		t.Error("over though a piece is at one only")
	}
	s.Have(t0, 1, 2)
	if !s.Over() {
		t.Error("each piece is at two, and it is not over")
	}
	s.Lost(1, 2)
	if s.Over() {
		t.Error("over though a copy was lost")
	}
	all := content.NewBitmap(3)
	all.SetAll()
	s.HaveAll(t0, 4, all)
	if !s.Over() {
		t.Error("there is another seed, and it is not over")
	}
	s.Leave(4)
	s.HaveAll(t0, 2, content.NewBitmap(3))
	if s.Over() {
		t.Error("over though the other seed has gone")
	}
}

// TestInvariants plays peers that come, go, get, lose and give, and compares the counts with what they should be.
func TestInvariants(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pieces := 1 + rng.IntN(30)
		s := New(pieces, 1<<19, rng)
		now := t0
		for range 400 {
			now = now.Add(time.Duration(rng.IntN(5000)) * time.Millisecond)
			id := ID(rng.IntN(6))
			p := s.peers[id]
			switch {
			case p == nil:
				s.Join(id)
			case rng.IntN(20) == 0:
				s.Leave(id)
			case rng.IntN(10) == 0:
				s.Lost(id, rng.IntN(pieces))
			case rng.IntN(3) == 0:
				before := p.told.Clone()
				once := s.once
				for _, i := range s.Next(now, id, rng.IntN(2) == 0, nil) {
					if before.Has(i) {
						t.Fatalf("seed %d: told twice of %d", seed, i)
					}
					if once < pieces && (s.copies[i] > 0 || s.offers[i] > 1) {
						t.Fatalf("seed %d: told of %d, which others have or are being given, with %d pieces that nobody has", seed, i, pieces-once)
					}
				}
				if len(p.open) > s.window {
					t.Fatalf("seed %d: %d offers are open", seed, len(p.open))
				}
			default:
				s.Have(now, id, rng.IntN(pieces))
			}
			check(t, seed, s)
		}
	}
}

func check(t *testing.T, seed uint64, s *Seed) {
	t.Helper()
	once, twice, whole := 0, 0, 0
	for i := range s.pieces {
		copies, offers := 0, 0
		for _, p := range s.peers {
			if p.have.Has(i) {
				copies++
			} else if slices.ContainsFunc(p.open, func(o offer) bool { return o.piece == i }) {
				offers++
			}
		}
		if copies != int(s.copies[i]) || offers != int(s.offers[i]) {
			t.Fatalf("seed %d: piece %d has %d copies and %d offers, counted %d and %d", seed, i, copies, offers, s.copies[i], s.offers[i])
		}
		if copies >= 1 {
			once++
		}
		if copies >= 2 {
			twice++
		}
	}
	for _, p := range s.peers {
		if p.have.Full() {
			whole++
		}
	}
	if len(s.fresh) > 2*s.pieces {
		t.Fatalf("seed %d: %d fresh pieces of %d", seed, len(s.fresh), s.pieces)
	}
	if once != s.once || twice != s.twice || whole != s.whole || s.Over() != (whole > 0 || twice == s.pieces) {
		t.Fatalf("seed %d: %d once, %d twice and %d whole, counted %d, %d and %d", seed, once, twice, whole, s.once, s.twice, s.whole)
	}
}
