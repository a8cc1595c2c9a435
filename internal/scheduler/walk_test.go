package scheduler

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

// A random walk over all calls keeps every count right.
func TestCountsUnderRandomCalls(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 7))
		n := 1 + rng.IntN(60)
		s := New(Config{Units: n, Blocks: func(u int) int { return 1 + u%5 }, Rand: rng})
		now := t0
		var asked []Request
		for step := range 2000 {
			now = now.Add(time.Duration(rng.IntN(100)) * time.Millisecond)
			id, unit := SourceID(rng.IntN(6)), rng.IntN(n)
			randomCall(s, rng, now, id, unit, &asked)
			if step%7 == 0 {
				check(t, s)
			}
		}
		check(t, s)
	}
}

func randomCall(s *Scheduler, rng *rand.Rand, now time.Time, id SourceID, unit int, asked *[]Request) {
	r := Request{unit, rng.IntN(5)}
	if len(*asked) > 0 && rng.IntN(3) > 0 {
		r = (*asked)[rng.IntN(len(*asked))]
	}
	switch rng.IntN(22) {
	case 0:
		s.AddSource(id)
	case 1:
		if rng.IntN(4) == 0 {
			s.RemoveSource(id)
		}
	case 2:
		s.HaveAll(id)
	case 3:
		b := content.NewBitmap(s.units)
		for range rng.IntN(s.units + 1) {
			b.Set(rng.IntN(s.units))
		}
		s.HaveBitmap(id, b)
	case 4, 5:
		s.Have(id, unit)
	case 6:
		s.Lost(id, unit)
	case 7:
		s.SetWanted(unit, Priority(rng.IntN(4)))
	case 8:
		s.MarkVerified(unit)
	case 9, 10:
		s.Unverify(unit)
	case 11:
		s.ReleaseAll(id)
	case 12:
		s.Release(id, r)
	case 13:
		s.Aborted(id, r)
	case 14:
		s.SetDeadline(unit, now.Add(time.Duration(rng.IntN(5000))*time.Millisecond))
	case 15:
		s.SetSequential(rng.IntN(2) == 0)
	case 16:
		s.Forget(unit)
	case 17:
		s.Passed(unit, make([]Digest, s.blocks(unit)))
	case 18:
		digests := make([]Digest, s.blocks(unit))
		digests[0][0] = byte(rng.IntN(2))
		var bad []int
		if rng.IntN(2) == 0 {
			bad = []int{0}
		}
		s.Failed(unit, bad, digests)
	default:
		*asked = s.Pick((*asked)[:0], now, id, 1+rng.IntN(9), PickOptions{Fast: rng.IntN(2) == 0})
		for _, r := range *asked {
			if rng.IntN(3) == 0 && s.Arriving(now, id, r) && rng.IntN(4) > 0 {
				s.Arrived(now, id, r)
			}
		}
	}
}
