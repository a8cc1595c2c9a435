package addressbook

import (
	"net/netip"
	"testing"
	"time"
)

func TestDialOrder(t *testing.T) {
	b := newBook()
	for i := range 40 {
		add(b, FromTracker, address(i))
	}
	now := epoch
	failed := map[netip.AddrPort]bool{}
	for range 10 {
		addr, _, _ := b.Next(now)
		b.Failed(now, addr)
		failed[addr] = true
	}
	b.Restore([]Saved{{Addr: address(50), Origin: FromTracker, Moved: 1}, {Addr: address(51), Origin: FromTracker, Moved: 1, Anchor: true}})
	add(b, FromUser, address(100))
	now = now.Add(time.Hour)
	for _, want := range []int{100, 51, 50} {
		if addr, _, _ := b.Next(now); addr != address(want) {
			t.Errorf("%v is dialled, and not %v", addr, address(want))
		}
	}
	for range 30 {
		addr, try, ok := b.Next(now)
		if !ok || try != 0 || failed[addr] {
			t.Errorf("%v, tried %d times, comes before one never tried: %v", addr, try, ok)
		}
	}
	for range 10 {
		if addr, _, ok := b.Next(now); !ok || !failed[addr] {
			t.Errorf("dials %v, %v", addr, ok)
		}
	}
	if addr, _, ok := b.Next(now); ok {
		t.Errorf("dials %v, which is being dialled", addr)
	}
}

// TestDialPriority: in a network, those of the higher canonical priority are dialled first, once we know our address.
func TestDialPriority(t *testing.T) {
	b := newBook()
	for i := range 8 {
		add(b, FromTracker, address(i))
	}
	b.due(epoch)
	own := netip.MustParseAddr("203.0.113.5")
	b.SetOwn(own)
	for i := 8; i < 16; i++ {
		add(b, FromTracker, address(i))
	}
	last := uint32(1<<32 - 1)
	for range 16 {
		addr, _, ok := b.Next(epoch)
		rank := Priority(netip.AddrPortFrom(own, b.port), addr)
		if !ok || rank > last {
			t.Errorf("%v of priority %x comes after %x", addr, rank, last)
		}
		last = rank
	}
}

// TestSameDiceSameOrder: however maps are walked.
func TestSameDiceSameOrder(t *testing.T) {
	order := func() (list []netip.AddrPort) {
		b := newBook()
		for i := range 300 {
			add(b, FromTracker, address(i), elsewhere(i))
		}
		for range 100 {
			addr, _, _ := b.Next(epoch)
			list = append(list, addr)
		}
		for now := epoch; len(list) < 120; now = now.Add(leastFeeling) {
			if addr, ok := b.Feel(now); ok {
				list = append(list, addr)
			}
		}
		for _, s := range b.Save(10) {
			list = append(list, s.Addr)
		}
		return list
	}
	x, y := order(), order()
	for i := range x {
		if x[i] != y[i] {
			t.Fatalf("place %d: %v and %v", i, x[i], y[i])
		}
	}
}

// TestBannedIsNotDialled: until its time is over.
func TestBannedIsNotDialled(t *testing.T) {
	b := newBook()
	add(b, FromTracker, address(1))
	b.Bans.Add(epoch, address(1).Addr())
	if addr, _, ok := b.Next(epoch); ok {
		t.Errorf("dials %v", addr)
	}
	if _, _, ok := b.Next(epoch.Add(banFor)); !ok {
		t.Error("banned for ever")
	}
}

// TestFeelers: now and then a network drawn by lot is tried, and who is found there comes first of his kind.
func TestFeelers(t *testing.T) {
	b := newBook()
	for i := range 200 {
		add(b, FromTracker, address(i))
	}
	for i := range 9 {
		add(b, FromTracker, elsewhere(i))
	}
	felt, crowd := map[netip.AddrPort]bool{}, 0
	for now := epoch; now.Before(epoch.Add(30 * time.Minute)); now = now.Add(time.Second) {
		addr, ok := b.Feel(now)
		if !ok {
			continue
		}
		if felt[addr] || !b.Feeling(addr) || b.Dialling() != 1 {
			t.Errorf("%v: before %v, feeling %v, %d dialling", addr, felt[addr], b.Feeling(addr), b.Dialling())
		}
		felt[addr] = true
		if Network(addr.Addr()) == Network(address(0).Addr()) {
			crowd++
		}
		b.Left(now, addr, Felt)
	}
	if len(felt) < 10 || len(felt) > 30 || crowd > len(felt)/2 {
		t.Errorf("%d feelers in half an hour, %d of them to one network", len(felt), crowd)
	}
	addr, _, _ := b.Next(epoch.Add(time.Hour))
	if !felt[addr] {
		t.Errorf("dials %v, of which nothing is known", addr)
	}
	b.sound(t)
}
