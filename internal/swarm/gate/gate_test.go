package gate

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/admission"
)

var begin = time.Unix(1_700_000_000, 0)

// house is a gate, and the book that it looks into.
type house struct {
	*Gate
	book *addressbook.Book
}

func newHouse(most int) *house {
	book := addressbook.New(rand.New(rand.NewPCG(1, 2)), 6881)
	return &house{Gate: New(book, admission.NewSeats(1000), [20]byte{1}, most), book: book}
}

// told adds addresses.
func (h *house) told(origin addressbook.Origin, addrs ...netip.AddrPort) {
	for _, a := range addrs {
		h.book.Add(origin, netip.Addr{}, a)
	}
}

// enter lets somebody of his own name in, and has those kicked who make room.
func (h *house) enter(now time.Time, addr netip.AddrPort, outgoing bool) (*Guest, error) {
	g := &Guest{Addr: addr, Outgoing: outgoing, Since: now, Moved: func() int64 { return 0 }}
	b := addr.Addr().As4()
	copy(g.Remote[4:], b[:])
	leaves, err := h.Admit(now, g, false)
	leaves.leave()
	return g, err
}

func (h *house) next(now time.Time) (addr netip.AddrPort, ok bool) {
	addr, _, leaves, ok := h.Next(now)
	leaves.leave()
	return addr, ok
}

func (l Leaver) leave() {
	if l.Guest != nil {
		l.Kicked = l.Why
	}
}

// sweep is what follows when guests were sent away.
func (h *house) sweep(now time.Time) {
	for i := len(h.guests) - 1; i >= 0; i-- {
		if g := h.guests[i]; g.Kicked != nil {
			h.Left(now, g, g.Kicked)
		}
	}
}

// networks counts the guests that stay by network.
func (h *house) networks() map[netip.Prefix]int {
	held := make(map[netip.Prefix]int)
	for _, g := range h.guests {
		if g.Kicked == nil {
			held[addressbook.Network(g.Addr.Addr())]++
		}
	}
	return held
}

// address is the i-th of one network; elsewhere is one of the i-th of many.
func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 6881)
}

func elsewhere(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i>>8), byte(i), 1, 1}), 6881)
}

// TestCrowdOfVisitors: ten thousand addresses of one network are told of and connect to us, again and again, until we have
// no place left; fifty others, of whom we only know, all get one nevertheless.
func TestCrowdOfVisitors(t *testing.T) {
	h, now := newHouse(80), begin
	crowd := addressbook.Network(address(0).Addr())
	for i := range 10_000 {
		h.told(addressbook.FromTracker, address(i))
		if i < 80 {
			if _, err := h.enter(now, address(i), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 50 {
		h.told(addressbook.FromTracker, elsewhere(i))
	}
	visits := 80
	for end := now.Add(3 * time.Minute); now.Before(end); now = now.Add(200 * time.Millisecond) {
		addr, ok := h.next(now)
		// The crowd is quicker than whoever we dial.
		for range 3 {
			visits++
			h.enter(now, address(visits), false)
		}
		if ok {
			if _, err := h.enter(now, addr, true); err != nil && err != ErrFelt {
				t.Fatalf("%v got no place: %v", addr, err)
			}
		}
		h.sweep(now)
	}
	held := h.networks()
	if len(held) != 51 || held[crowd] > 80-50 || h.Staying() > 80 {
		t.Errorf("%d networks, %d of %d peers are the crowd's", len(held), held[crowd], h.Staying())
	}
	// One who comes by himself finds a place too.
	if _, err := h.enter(now, elsewhere(60), false); err != nil {
		t.Error(err)
	}
}

// TestCrowdAlone: a network has all places if nobody else wants any.
func TestCrowdAlone(t *testing.T) {
	h, now := newHouse(80), begin
	for i := range 300 {
		h.told(addressbook.FromTracker, address(i))
	}
	for range 200 {
		if addr, ok := h.next(now); ok {
			h.enter(now, addr, true)
		}
		now = now.Add(time.Second)
		h.sweep(now)
	}
	if n := len(h.guests); n != 80 {
		t.Errorf("%d peers", n)
	}
}

// TestHangsUpAtOnce: an address where somebody hangs up right away is a failure like no answer at all.
func TestHangsUpAtOnce(t *testing.T) {
	h, now := newHouse(80), begin
	h.told(addressbook.FromTracker, address(1))
	dials := 0
	for end := now.Add(time.Hour); now.Before(end); now = now.Add(time.Second) {
		addr, ok := h.next(now)
		if !ok {
			continue
		}
		dials++
		g, err := h.enter(now, addr, true)
		if err != nil {
			t.Fatal(err)
		}
		h.Left(now.Add(time.Millisecond), g, errors.New("gone"))
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
		{"it was lost", errors.New("gone"), 2 * time.Second},
		{"both complete", ErrUseless, 10 * time.Minute},
		{"a duplicate", ErrDuplicate, time.Minute},
		{"we had enough", ErrFull, time.Minute},
		{"the user paused", ErrStopped, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, now := newHouse(80), begin
			h.told(addressbook.FromUser, address(1))
			h.next(now)
			g, err := h.enter(now, address(1), true)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Hour)
			h.Left(now, g, tt.cause)
			if tt.next > 0 {
				if _, ok := h.next(now.Add(tt.next - 1)); ok {
					t.Error("dialled too early")
				}
			}
			if _, ok := h.next(now.Add(tt.next)); !ok {
				t.Error("not dialled")
			}
		})
	}
}

// TestHalfOpen: no more than 16 attempts of one object are under way.
func TestHalfOpen(t *testing.T) {
	h, now := newHouse(80), begin
	for i := range 100 {
		h.told(addressbook.FromTracker, elsewhere(i))
	}
	var under []netip.AddrPort
	for {
		addr, ok := h.next(now)
		if !ok {
			break
		}
		under = append(under, addr)
	}
	if len(under) != 16 {
		t.Errorf("%d attempts under way", len(under))
	}
	h.Failed(now, under[0])
	if _, ok := h.next(now); !ok {
		t.Error("the end of an attempt makes room for none")
	}
}

// TestFeeler: with connections enough, somebody new is tried now and then, and nobody makes room for him.
func TestFeeler(t *testing.T) {
	h, now := newHouse(2), begin
	for i := range 3 {
		h.told(addressbook.FromTracker, elsewhere(i))
	}
	for range 2 {
		addr, _ := h.next(now)
		if _, err := h.enter(now, addr, true); err != nil {
			t.Fatal(err)
		}
	}
	for end := now.Add(5*time.Minute - time.Second); now.Before(end); now = now.Add(time.Second) {
		addr, ok := h.next(now)
		if !ok {
			continue
		}
		if _, err := h.enter(now, addr, true); err != ErrFelt {
			t.Fatalf("a feeler to %v stays: %v", addr, err)
		}
		h.Failed(now, addr)
		if len(h.guests) != 2 || h.Staying() != 2 || h.book.Dialling() != 0 {
			t.Errorf("%d peers, %d stay, %d dialling", len(h.guests), h.Staying(), h.book.Dialling())
		}
		return
	}
	t.Error("no feeler within five minutes")
}

// TestRefused: who is not let in holds no seat, and is told why.
func TestRefused(t *testing.T) {
	book := addressbook.New(rand.New(rand.NewPCG(1, 2)), 6881)
	liar := netip.MustParseAddr("192.0.2.9")
	book.Bans.Add(begin, liar)
	g := New(book, admission.NewSeats(1), [20]byte{1}, 10)
	guest := func(ip netip.Addr, name byte) *Guest {
		return &Guest{Addr: netip.AddrPortFrom(ip, 1), Remote: [20]byte{name}, Since: begin, Moved: func() int64 { return 0 }}
	}
	ip := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		guest   *Guest
		stopped bool
		want    error // nil: any
	}{
		{guest(ip, 2), true, ErrNotMoving},
		{guest(ip, 1), false, ErrSelf},
		{guest(liar, 2), false, nil},
	} {
		if _, err := g.Admit(begin, c.guest, c.stopped); err == nil || c.want != nil && err != c.want {
			t.Errorf("%+v: %v", c.guest, err)
		}
	}
	if _, err := g.Admit(begin, guest(ip, 2), false); err != nil {
		t.Errorf("the only seat is taken: %v", err)
	}
	if _, err := g.Admit(begin, guest(ip, 3), false); err != ErrFull {
		t.Errorf("two on one seat: %v", err)
	}
}
