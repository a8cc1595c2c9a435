package events

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestOrder: what was planned for the same moment happens in the order it was planned, also while more is planned.
func TestOrder(t *testing.T) {
	type planned struct {
		at  time.Duration
		seq int
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var q Queue[planned]
	var last planned
	for seq := 0; seq < 5000 || q.Len() > 0; seq++ {
		if seq < 5000 {
			p := planned{last.at + time.Duration(rng.IntN(20)), seq}
			q.Push(p.at, p)
		}
		if seq%3 == 0 && seq < 5000 {
			continue
		}
		next := q.Next()
		at, p := q.Pop()
		if at != next || at != p.at || at < last.at || at == last.at && p.seq < last.seq {
			t.Fatalf("%v after %v", p, last)
		}
		last = p
	}
}
