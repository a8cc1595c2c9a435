package swarm

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// networks counts the peers that stay by network.
func (s *Swarm) networks() map[netip.Prefix]int {
	held := make(map[netip.Prefix]int)
	for _, p := range s.list {
		if p.Kicked == nil {
			held[addressbook.Network(p.Addr.Addr())]++
		}
	}
	return held
}

// sweep is what the shells do of peers that were sent away.
func (s *Swarm) sweep(now time.Time) {
	for i := len(s.list) - 1; i >= 0; i-- {
		if p := s.list[i]; p.Kicked != nil {
			s.Leave(now, p.id, nil)
		}
	}
}

// TestCrowdOfVisitors: ten thousand addresses of one network are told of and connect to us, again and again, until we have
// no place left; fifty others, of whom we only know, all get one nevertheless.
func TestCrowdOfVisitors(t *testing.T) {
	s, now := dialler(t, most(80))
	crowd := addressbook.Network(address(0).Addr())
	for i := range 10_000 {
		s.Found(FromTracker, address(i))
		if i < 80 {
			if _, err := s.Join(now, visitor(address(i), false)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 50 {
		s.Found(FromTracker, elsewhere(i))
	}
	visits := 80
	for end := now.Add(3 * time.Minute); now.Before(end); now = now.Add(200 * time.Millisecond) {
		addr, _, ok := s.NextDial(now)
		// The crowd is quicker than whoever we dial.
		for range 3 {
			visits++
			s.Join(now, visitor(address(visits), false))
		}
		if ok {
			if _, err := s.Join(now, visitor(addr, true)); err != nil && err != gate.ErrFelt {
				t.Fatalf("%v got no place: %v", addr, err)
			}
		}
		s.sweep(now)
	}
	held := s.networks()
	if len(held) != 51 || held[crowd] > 80-50 || s.gate.Staying() > 80 {
		t.Errorf("%d networks, %d of %d peers are the crowd's", len(held), held[crowd], s.gate.Staying())
	}
	// One who comes by himself finds a place too.
	if _, err := s.Join(now, visitor(elsewhere(60), false)); err != nil {
		t.Error(err)
	}
}

// TestCrowdAlone: a network has all places if nobody else wants any.
func TestCrowdAlone(t *testing.T) {
	s, now := dialler(t, most(80))
	for i := range 300 {
		s.Found(FromTracker, address(i))
	}
	for range 200 {
		addr, _, ok := s.NextDial(now)
		if ok {
			s.Join(now, visitor(addr, true))
		}
		now = now.Add(time.Second)
		s.sweep(now)
	}
	if n := len(s.list); n != 80 {
		t.Errorf("%d peers", n)
	}
}

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
