package swarm

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestTurnover: who gives and takes nothing for long makes room for somebody else; who does not stays, and so does whom the
// user named.
func TestTurnover(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 2000*block))
	good, n := w.seed(), w.leech(most(3))
	good.rate = 2 * block
	s := n.swarm
	named := elsewhere(1)
	s.Found(FromUser, named)
	s.NextDial(w.now)
	if _, err := s.Join(w.now, visitor(named, true)); err != nil {
		t.Fatal(err)
	}
	w.mustConnect(n, good)
	idle, err := s.Join(w.now, visitor(elsewhere(2), false))
	if err != nil {
		t.Fatal(err)
	}
	begun := w.now
	for ; w.now.Before(begun.Add(5*time.Minute - time.Second)); w.step(time.Second) {
		s.Found(FromTracker, elsewhere(3))
		if _, _, ok := s.NextDial(w.now); ok && s.peers[idle].Kicked != nil {
			t.Fatalf("judged after %v", w.now.Sub(begun))
		}
		s.DialFailed(w.now, elsewhere(3))
		s.Found(FromTracker, elsewhere(int(w.now.Sub(begun)/time.Second)+10))
	}
	for ; w.now.Before(begun.Add(6 * time.Minute)); w.step(time.Second) {
		addr, _, ok := s.NextDial(w.now)
		if !ok || s.book.Feeling(addr) {
			s.DialFailed(w.now, addr)
			continue
		}
		if s.peers[idle].Kicked != ErrFull || s.gate.Staying() != 2 {
			t.Errorf("dials %v, and %d stay", addr, s.gate.Staying())
		}
		s.Leave(w.now, idle, nil)
		newcomer, err := s.Join(w.now, visitor(addr, true))
		if err != nil {
			t.Fatal(err)
		}
		// Those who are left are of use, named, or new.
		for end := w.now.Add(5*time.Minute - time.Second); w.now.Before(end); w.step(time.Second) {
			if addr, _, ok := s.NextDial(w.now); ok {
				s.DialFailed(w.now, addr)
			}
		}
		if s.peers[newcomer].Kicked != nil || s.gate.Staying() != 3 {
			t.Errorf("%d stay", s.gate.Staying())
		}
		return
	}
	t.Error("nobody made room")
}
