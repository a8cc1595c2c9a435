package sim

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestLongerPath: a path that becomes much longer in the middle of a transfer costs the rate no more than some seconds.
func TestLongerPath(t *testing.T) {
	const rate = 2 << 20
	w := newWorld(Plan{
		Seed: 1, Format: metainfo.FormatV1, PieceLength: 256 << 10, Sizes: []int64{96 << 20},
		MinDelay: 10 * time.Millisecond, MaxDelay: 11 * time.Millisecond, Bound: 10 * time.Minute,
		Nodes: []NodePlan{
			{Seeder: true, Up: rate, Down: rate, Slots: 4, MaxPeers: 4, Reachable: true, Budget: 64 << 20},
			{Up: rate, Down: rate, Slots: 4, MaxPeers: 4, Reachable: true, Budget: 64 << 20},
		},
	}, Options{})
	if err := w.populate(); err != nil {
		t.Fatal(err)
	}
	given := func() int64 { return w.nodes[0].run.swarm.Snapshot(w.now).UpBytes }
	var before, after int64
	w.after(8*time.Second, func() { before = given() })
	w.after(10*time.Second, func() {
		before = given() - before
		for _, l := range w.links {
			l.delay = 200 * time.Millisecond
		}
	})
	w.after(30*time.Second, func() { after = given() })
	w.after(32*time.Second, func() { after = given() - after })
	w.play()
	if w.failure != nil {
		t.Fatal(w.failure)
	}
	if before < rate || float64(after) < 0.9*float64(before) {
		t.Errorf("%.0f KiB/s before the path became longer, %.0f KiB/s 20 s later", float64(before)/2048, float64(after)/2048)
	}
}
