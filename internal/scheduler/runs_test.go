package scheduler

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestPickRuns: units are asked for one behind the other, but for those that are had, not wanted, or wanted less.
func TestPickRuns(t *testing.T) {
	for seed := range uint64(50) {
		s := New(Config{Units: 64, Blocks: func(int) int { return 4 }, Rand: rand.New(rand.NewPCG(seed, 1))})
		s.AddSource(1)
		s.HaveAll(1)
		s.MarkVerified(20)
		s.SetWanted(40, None)
		for u := 50; u < 64; u++ {
			s.SetWanted(u, Low)
		}
		got := s.Pick(nil, time.Unix(1, 0), 1, 4*48, PickOptions{Fast: true, Runs: true})
		if len(got) != 4*48 {
			t.Fatalf("%d blocks", len(got))
		}
		jumps := 0
		for i, r := range got {
			if r.Unit >= 50 || r.Unit == 20 || r.Unit == 40 {
				t.Fatalf("unit %d", r.Unit)
			}
			if i > 0 && r.Unit != got[i-1].Unit && r.Unit != got[i-1].Unit+1 {
				jumps++
			}
		}
		// What is left behind the first one is cut into pieces by nothing but the three holes, and by where a run begins.
		if jumps > 12 {
			t.Errorf("seed %d: %d jumps", seed, jumps)
		}
		if more := s.Pick(nil, time.Unix(1, 0), 1, 4, PickOptions{Fast: true, Runs: true}); len(more) == 0 || more[0].Unit < 50 {
			t.Errorf("then %v", more)
		}
	}
}
