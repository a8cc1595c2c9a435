package swarm

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestIsIdle: a seed is idle while nobody is there, nobody is to be dialled and no rate is left; a fetch never is.
func TestIsIdle(t *testing.T) {
	x := makeThing(t, metainfo.FormatV1, 4*block, 8*block)
	w := newWorld(t, x)
	seed, leech := w.seed(), w.leech()
	if !seed.swarm.IsIdle(w.now) || leech.swarm.IsIdle(w.now) {
		t.Error("before they met")
	}
	w.mustConnect(leech, seed)
	if seed.swarm.IsIdle(w.now) {
		t.Error("idle with a peer")
	}
	w.until(time.Minute, func() bool {
		state, _ := leech.swarm.State()
		return state == Seeding
	})
	w.until(time.Minute, func() bool { return len(seed.swarm.Peers(w.now)) == 0 })
	w.step(10 * time.Second)
	if _, _, known := seed.swarm.NextDial(w.now); known && seed.swarm.IsIdle(w.now) {
		t.Error("idle while it dials")
	}
	seed.swarm.Stop(Missing, nil)
	if !seed.swarm.IsIdle(w.now) {
		t.Error("not idle though it has stopped")
	}
	seed.swarm.Stop(Checking, nil)
	if seed.swarm.IsIdle(w.now) {
		t.Error("idle while it is checked")
	}
	if seed.swarm.Stop(Paused, nil); !seed.swarm.IsIdle(w.now) {
		t.Error("not idle while it is paused")
	}
}
