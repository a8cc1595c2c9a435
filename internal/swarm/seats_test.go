package swarm

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Two objects share the seats; who leaves, or is refused for another reason, gives his back.
func TestSeatsAreOverAllObjects(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	seats := NewSeats(3)
	shared := func(c *Config, _ *Content) { c.Seats = seats }
	a, b := w.leech(shared).swarm, w.leech(shared).swarm
	join := func(s *Swarm, k byte) PeerID {
		t.Helper()
		id, err := s.Join(w.now, stranger(k))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := join(a, 1)
	self := stranger(9)
	self.Remote.PeerID = w.nodes[0].id
	if _, err := a.Join(w.now, self); !errors.Is(err, ErrSelf) {
		t.Errorf("ourselves: %v", err)
	}
	join(a, 2)
	join(b, 1)
	b.Found(FromUser, address(1))
	for _, s := range []*Swarm{a, b} {
		if _, err := s.Join(w.now, stranger(4)); !errors.Is(err, ErrFull) {
			t.Errorf("without a seat: %v", err)
		}
	}
	if addr, _, ok := b.NextDial(w.now); ok {
		t.Errorf("dials %v without a seat", addr)
	}
	a.Leave(w.now, first, nil)
	a.Leave(w.now, first, nil)
	if _, _, ok := b.NextDial(w.now); !ok {
		t.Error("does not dial with a seat free")
	}
	join(b, 4)
	if _, err := a.Join(w.now, stranger(5)); !errors.Is(err, ErrFull) {
		t.Errorf("after a seat was taken again: %v", err)
	}
}

// Two objects share the attempts that may be under way.
func TestHalfOpenOverAllObjects(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	seats := NewSeats(1000)
	var under []*Swarm
	var addrs []netip.AddrPort
	for range 10 {
		s := w.leech(func(c *Config, _ *Content) { c.Seats = seats }).swarm
		for i := range 20 {
			s.Found(FromTracker, elsewhere(i))
		}
		for {
			addr, _, ok := s.NextDial(w.now)
			if !ok {
				break
			}
			under, addrs = append(under, s), append(addrs, addr)
		}
	}
	if len(under) != 100 {
		t.Fatalf("%d under way", len(under))
	}
	for i, s := range under {
		if i%2 == 0 {
			s.DialFailed(w.now, addrs[i])
			s.DialFailed(w.now, addrs[i])
		} else if _, err := s.Join(w.now, visitor(addrs[i], true)); err != nil {
			t.Fatal(err)
		}
	}
	again := w.leech(func(c *Config, _ *Content) { c.Seats = seats }).swarm
	again.Found(FromTracker, elsewhere(0))
	if _, _, ok := again.NextDial(w.now); !ok {
		t.Error("attempts are counted for ever")
	}
}
