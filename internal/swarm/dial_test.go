package swarm

import (
	"net/netip"
	"testing"
	"time"

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
