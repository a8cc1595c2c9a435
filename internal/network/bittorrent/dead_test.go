package bittorrent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// What a dead peer may hold, from its last byte on: no line says that it is gone, nothing comes and nothing goes.
const (
	requestsFree = 10 * time.Second
	slotFree     = 60 * time.Second
)

// gone waits until the rig has no peers, and says how long that took.
func (r *rig) gone() time.Duration {
	begun := time.Now()
	for len(r.peers()) > 0 && time.Since(begun) < time.Hour {
		time.Sleep(time.Second)
	}
	return time.Since(begun)
}

// TestDeadPeersRequestsAreReassignedWithin10s: with all of an object asked of a peer that dies, before or in a block, the
// next one gives it.
func TestDeadPeersRequestsAreReassignedWithin10s(t *testing.T) {
	for name, said := range map[string]int{"before a block": 0, "in the first block": 1000, "after some": 3*(16<<10+wire.PieceHeaderSize) + 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 64<<10, 512<<10)
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{})
				host := w.Host("10.0.0.2")
				p := r.connect(host)
				p.greet(anyName(s), "dies")
				p.seed(s)
				p.send(p.asked(s, 32)[:said])
				synctest.Wait()
				w.SetLink(host, r.host, netxtest.Link{Cut: true})
				good := newRig(t, w, "10.0.0.3", s, options{has: true})
				begun := time.Now()
				r.object.Swarm.Found(0, good.addr)
				r.fetched(s)
				if took := time.Since(begun); took > requestsFree+time.Second {
					t.Errorf("complete after %v", took)
				}
			})
		})
	}
}

// TestDeadSourcesSlotIsFreeWithin60s: a peer that owes us blocks dies, and there is nobody else to ask.
func TestDeadSourcesSlotIsFreeWithin60s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 64<<10, 4<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		host := w.Host("10.0.0.2")
		p := r.connect(host)
		p.greet(anyName(s), "dies")
		p.seed(s)
		p.send(p.asked(s, 4))
		synctest.Wait()
		w.SetLink(host, r.host, netxtest.Link{Cut: true})
		if took := r.gone(); took > slotFree {
			t.Errorf("its place is free after %v", took)
		}
	})
}

// TestDeadDownloadersSlotIsFreeWithin60s: a peer dies while it is being served.
func TestDeadDownloadersSlotIsFreeWithin60s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 8<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.client(w, s, anyName(s))
		var b []byte
		for i := range uint32(512) {
			b = wire.AppendRequest(b, i/16, i%16<<14, 16<<10)
		}
		p.send(b)
		// It takes some, and no more.
		for range 10 {
			p.until(wire.Piece)
		}
		synctest.Wait()
		if took := r.gone(); took > slotFree+time.Second {
			t.Errorf("its place is free after %v", took)
		}
	})
}

// TestSentAwayWhileHeldUp: whom the swarm sends away goes at once, though our writer waits for him.
func TestSentAwayWhileHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 8<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.client(w, s, anyName(s))
		var b []byte
		for i := range uint32(512) {
			b = wire.AppendRequest(b, i/16, i%16<<14, 16<<10)
		}
		p.send(b)
		time.Sleep(time.Second)
		r.object.Swarm.Stop(swarm.Paused, nil)
		synctest.Wait()
		if n := len(r.peers()); n > 0 {
			t.Errorf("%d are still there", n)
		}
	})
}
