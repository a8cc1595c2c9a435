package swarm

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// dialler is a swarm whose NextDial is looked at.
func dialler(t *testing.T, change ...func(*Config, *Content)) (*Swarm, time.Time) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	return w.leech(change...).swarm, w.now
}

// most bounds the connections of a swarm.
func most(n int) func(*Config, *Content) { return func(c *Config, _ *Content) { c.MaxPeers = n } }

// address is the i-th of one network; elsewhere is one of the i-th of many.
func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 6881)
}

func elsewhere(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i>>8), byte(i), 1, 1}), 6881)
}

// visitor is a connection with somebody of his own name.
func visitor(addr netip.AddrPort, outgoing bool) Joining {
	j := stranger(1)
	j.Addr, j.Outgoing = addr, outgoing
	b := addr.Addr().As4()
	copy(j.Remote.PeerID[4:], b[:])
	return j
}

// TestHangsUpAtOnce: an address where somebody hangs up right away is a failure like no answer at all.
func TestHangsUpAtOnce(t *testing.T) {
	s, now := dialler(t)
	s.Found(FromTracker, address(1))
	dials := 0
	for end := now.Add(time.Hour); now.Before(end); now = now.Add(time.Second) {
		addr, _, ok := s.NextDial(now)
		if !ok {
			continue
		}
		dials++
		id, err := s.Join(now, visitor(addr, true))
		if err != nil {
			t.Fatal(err)
		}
		s.Leave(now.Add(time.Millisecond), id, errGone)
	}
	if dials != 3 {
		t.Errorf("%d dials in an hour", dials)
	}
}

// TestAfterTheEnd: how long an address is left alone depends on why the connection ended.
func TestAfterTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cause error
		next  time.Duration
	}{
		{"it was lost", errGone, 2 * time.Second},
		{"both complete", gate.ErrUseless, 10 * time.Minute},
		{"a duplicate", ErrDuplicate, time.Minute},
		{"we had enough", ErrFull, time.Minute},
		{"the user paused", gate.ErrStopped, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, now := dialler(t)
			s.Found(FromUser, address(1))
			s.NextDial(now)
			id, err := s.Join(now, visitor(address(1), true))
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Hour)
			s.Leave(now, id, tt.cause)
			if tt.next > 0 {
				if _, _, ok := s.NextDial(now.Add(tt.next - 1)); ok {
					t.Error("dialled too early")
				}
			}
			if _, _, ok := s.NextDial(now.Add(tt.next)); !ok {
				t.Error("not dialled")
			}
		})
	}
}

// TestRefusedDial: what comes of a dial that Join refuses is noted once.
func TestRefusedDial(t *testing.T) {
	s, now := dialler(t)
	join(t, s, now, 1)
	s.Found(FromUser, address(1))
	s.NextDial(now)
	j := stranger(1) // the same peer
	j.Addr, j.Outgoing = address(1), true
	if _, err := s.Join(now, j); err != ErrDuplicate {
		t.Fatal(err)
	}
	s.DialFailed(now, address(1))
	if n := s.book.Dialling(); n != 0 {
		t.Errorf("%d dialling", n)
	}
	if _, _, ok := s.NextDial(now.Add(time.Minute - 1)); ok {
		t.Error("dialled again at once")
	}
	if _, try, ok := s.NextDial(now.Add(time.Minute)); !ok || try != 0 {
		t.Errorf("try %d, %v", try, ok)
	}
	s.DialFailed(now, netip.AddrPort{}) // never heard of
}

// TestHalfOpen: no more than 16 attempts of one object are under way.
func TestHalfOpen(t *testing.T) {
	s, now := dialler(t)
	for i := range 100 {
		s.Found(FromTracker, elsewhere(i))
	}
	var under []netip.AddrPort
	for {
		addr, _, ok := s.NextDial(now)
		if !ok {
			break
		}
		under = append(under, addr)
	}
	if len(under) != 16 {
		t.Errorf("%d attempts under way", len(under))
	}
	s.DialFailed(now, under[0])
	if _, _, ok := s.NextDial(now); !ok {
		t.Error("the end of an attempt makes room for none")
	}
}

// TestFeeler: with connections enough, somebody new is tried now and then, and nobody makes room for him.
func TestFeeler(t *testing.T) {
	s, now := dialler(t, most(2))
	for i := range 3 {
		s.Found(FromTracker, elsewhere(i))
	}
	for range 2 {
		addr, _, _ := s.NextDial(now)
		if _, err := s.Join(now, visitor(addr, true)); err != nil {
			t.Fatal(err)
		}
	}
	for end := now.Add(5*time.Minute - time.Second); now.Before(end); now = now.Add(time.Second) {
		addr, _, ok := s.NextDial(now)
		if !ok {
			continue
		}
		if _, err := s.Join(now, visitor(addr, true)); err != gate.ErrFelt {
			t.Fatalf("a feeler to %v stays: %v", addr, err)
		}
		s.DialFailed(now, addr)
		if len(s.list) != 2 || s.gate.Staying() != 2 || s.book.Dialling() != 0 {
			t.Errorf("%d peers, %d stay, %d dialling", len(s.list), s.gate.Staying(), s.book.Dialling())
		}
		return
	}
	t.Error("no feeler within five minutes")
}

// TestSavedPeersComeBack: the next run finds the peers of this one though nobody tells of any.
func TestSavedPeersComeBack(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	seed, n := w.seed(), w.leech()
	n.swarm.Found(FromTracker, seed.addr, address(7))
	n.swarm.NextDial(w.now)
	w.mustConnect(n, seed)
	w.until(time.Minute, n.done)
	saved := n.swarm.SavedPeers(w.now, 100)
	if len(saved) != 1 || saved[0].Addr != seed.addr || !saved[0].Anchor || saved[0].Moved == 0 {
		t.Fatalf("saved %+v", saved)
	}
	if again := n.swarm.SavedPeers(w.now, 100); again[0].Moved != saved[0].Moved {
		t.Errorf("counted twice: %+v", again)
	}
	next := w.leech()
	next.swarm.RestorePeers(saved)
	if addr, _, ok := next.swarm.NextDial(w.now); !ok || addr != seed.addr {
		t.Errorf("dials %v, %v", addr, ok)
	}
	w.mustConnect(next, seed)
	w.until(time.Minute, next.done)
}
