package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// narrowPlan is a swarm of one narrow seeder, and of others who begin together and have room to spare.
func narrowPlan(seed uint64) Plan {
	p := Plan{
		Seed: seed, Format: metainfo.FormatV1, PieceLength: 128 << 10, Sizes: []int64{32 << 20},
		MinDelay: 100 * time.Microsecond, MaxDelay: 300 * time.Microsecond, Bound: time.Minute,
	}
	for i := range 9 {
		n := NodePlan{Up: 80 << 20, Down: 80 << 20, Slots: 8, MaxPeers: 40, Reachable: true, Budget: 64 << 20, Runs: i%2 == 0}
		if i == 0 {
			n.Seeder, n.Up = true, 5<<19
		} else {
			n.Joins = time.Second + time.Duration(i)*10*time.Millisecond
		}
		p.Nodes = append(p.Nodes, n)
	}
	return p
}

// TestNarrowSeed: what one seed can send is what all others wait for, so it must not send anything twice.
func TestNarrowSeed(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := narrowPlan(seed)
			w := newWorld(p, Options{})
			if err := w.populate(); err != nil {
				t.Fatal(err)
			}
			var all time.Duration
			w.after(0, func() { w.lookForAll(&all) })
			w.play()
			if w.failure != nil {
				t.Fatal(w.failure)
			}
			given := float64(w.nodes[0].run.swarm.Snapshot(w.now).UpBytes) / float64(p.size())
			took := (all - p.Nodes[1].Joins).Seconds() / takes(int(p.size()), p.Nodes[0].Up).Seconds()
			t.Logf("the seed gives %.3f sizes; everybody has all after %.3f times as long as it needs for one", given, took)
			if given > 1.15 || took > 1.15 {
				t.Errorf("it gives %.3f sizes, and all have all after %.3f times as long as it needs for one", given, took)
			}
		})
	}
}

// lookForAll finds when everybody has everything.
func (w *world) lookForAll(at *time.Duration) {
	for _, n := range w.nodes[1:] {
		if n.run == nil || n.run.body == nil || n.run.swarm.Snapshot(w.now).LeftBytes > 0 {
			w.after(10*time.Millisecond, func() { w.lookForAll(at) })
			return
		}
	}
	*at = w.elapsed()
}
