package swarm

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// dialler is a swarm whose NextDial is looked at.
func dialler(t *testing.T) (*Swarm, time.Time) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	return w.leech().swarm, w.now
}

func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 6881)
}

// TestBackOff dials addresses at which nobody is, for a day.
func TestBackOff(t *testing.T) {
	for _, tt := range []struct {
		name    string
		origin  Origin
		early   int // tries in the first ten minutes
		atLeast int // in a day
		atMost  int
	}{
		{"user", FromUser, 10, 1100, 1400},
		{"link", FromLink, 10, 30, 50},
		{"tracker", FromTracker, 3, 20, 30},
		{"peer", FromPeer, 3, 20, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, now := dialler(t)
			s.Found(tt.origin, address(1))
			early, all := 0, 0
			end := now.Add(24 * time.Hour)
			for step := time.Second; now.Before(end); now = now.Add(step) {
				if end.Sub(now) < 23*time.Hour {
					step = 15 * time.Second
				}
				addr, try, ok := s.NextDial(now)
				if !ok {
					continue
				}
				if addr != address(1) || try != all {
					t.Fatalf("dials %v, try %d of %d", addr, try, all)
				}
				s.DialFailed(now.Add(time.Millisecond), addr)
				all++
				if end.Sub(now) > 24*time.Hour-10*time.Minute {
					early++
				}
			}
			if early < tt.early || tt.early == 3 && early > 3 || all < tt.atLeast || all > tt.atMost {
				t.Errorf("%d tries in ten minutes, %d in a day", early, all)
			}
		})
	}
}

func TestDialOrder(t *testing.T) {
	s, now := dialler(t)
	for i := range 40 {
		s.Found(FromTracker, address(i))
	}
	failed := map[netip.AddrPort]bool{}
	for range 10 {
		addr, _, _ := s.NextDial(now)
		s.DialFailed(now, addr)
		failed[addr] = true
	}
	s.Found(FromUser, address(100))
	now = now.Add(time.Hour)
	if addr, _, _ := s.NextDial(now); addr != address(100) {
		t.Errorf("%v is dialled before whom the user named", addr)
	}
	for range maxDialling - 1 {
		addr, try, ok := s.NextDial(now)
		if !ok || try != 0 || failed[addr] {
			t.Errorf("%v, tried %d times, comes before one never tried: %v", addr, try, ok)
		}
	}
	if addr, _, ok := s.NextDial(now); ok {
		t.Errorf("%v is dialled beside %d others", addr, maxDialling)
	}
}

// TestDialPriority: those of the higher canonical priority are dialled first, once we know our address.
func TestDialPriority(t *testing.T) {
	s, now := dialler(t)
	c := &s.candidates
	for i := range 8 {
		s.Found(FromTracker, address(i))
	}
	own := netip.MustParseAddr("203.0.113.5")
	c.hear(own)
	c.hear(netip.Addr{})
	c.hear(own)
	for i := 8; i < 16; i++ {
		s.Found(FromTracker, address(i))
	}
	last := uint32(1<<32 - 1)
	for range 16 {
		addr, _, ok := s.NextDial(now)
		rank := Priority(netip.AddrPortFrom(own, s.cfg.Port), addr)
		if !ok || rank > last {
			t.Errorf("%v of priority %x comes after %x", addr, rank, last)
		}
		last = rank
	}
}

// TestDialIsDeterministic: the same seed gives the same order, however maps are walked.
func TestDialIsDeterministic(t *testing.T) {
	order := func() (list []netip.AddrPort) {
		var c candidates
		c.init(rand.New(rand.NewPCG(1, 2)), 1)
		for i := range 300 {
			c.add(FromTracker, address(i))
		}
		for {
			addr, x := c.best(epoch)
			if x == nil {
				return list
			}
			x.phase = linked
			list = append(list, addr)
		}
	}
	a, b := order(), order()
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("place %d: %v and %v", i, a[i], b[i])
		}
	}
}

func TestCandidatesAreBounded(t *testing.T) {
	s, now := dialler(t)
	for i := range maxCandidates + 500 {
		s.Found(FromTracker, address(i))
	}
	if got := s.Snapshot(now).Known; got != maxCandidates {
		t.Errorf("%d known", got)
	}
	s.Found(FromUser, address(60000))
	if got := s.Snapshot(now).Known; got != maxCandidates+1 {
		t.Error("whom the user named found no room")
	}
	// Those that failed make room for others.
	for range 5 {
		addr, _, _ := s.NextDial(now)
		s.DialFailed(now, addr)
	}
	for i := range 10 {
		s.Found(FromTracker, address(50000+i))
	}
	known := 0
	for i := range 10 {
		if s.candidates.table[address(50000+i)] != nil {
			known++
		}
	}
	if known != 4 { // one of the five was the user's
		t.Errorf("%d of 10 new ones found room", known)
	}
}

// TestAfterTheConnection: how long an address is left alone depends on why the connection ended.
func TestAfterTheConnection(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lasted time.Duration
		cause  error
		next   time.Duration
	}{
		{"a good one was lost", time.Hour, errGone, 2 * time.Second},
		{"it was lost at once", time.Second, errGone, 2 * time.Second},
		{"both complete", time.Second, errUseless, uselessFor},
		{"a duplicate", time.Second, ErrDuplicate, laterAgain},
		{"we had enough", time.Second, ErrFull, laterAgain},
		{"the user paused", time.Second, errStopped, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, now := dialler(t)
			s.Found(FromUser, address(1))
			s.NextDial(now)
			j := stranger(1)
			j.Addr, j.Outgoing = address(1), true
			id, err := s.Join(now, j)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(tt.lasted)
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
		j := stranger(1)
		j.Addr, j.Outgoing = addr, true
		id, err := s.Join(now, j)
		if err != nil {
			t.Fatal(err)
		}
		s.Leave(now.Add(time.Millisecond), id, errGone)
	}
	if dials != maxTries {
		t.Errorf("%d dials in an hour", dials)
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
	if s.candidates.dialing != 0 || s.candidates.table[address(1)].fails != 0 {
		t.Errorf("%d dialling, %+v", s.candidates.dialing, s.candidates.table[address(1)])
	}
	if _, _, ok := s.NextDial(now.Add(laterAgain - 1)); ok {
		t.Error("dialled again at once")
	}
	s.DialFailed(now, netip.AddrPort{}) // never heard of
}
