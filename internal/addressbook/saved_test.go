package addressbook

import (
	"testing"
	"time"
)

// TestSavedPeers: the next run knows whom this one had to do with, the most useful first, spread over networks.
func TestSavedPeers(t *testing.T) {
	b := newBook()
	use := func(i int, bytes int64) {
		a := elsewhere(i)
		if i >= 1000 {
			a = address(i)
		}
		add(b, FromTracker, a)
		b.Moved(epoch.Add(time.Duration(i)), a, bytes)
	}
	for i := range 150 {
		use(i, int64(10+i))
	}
	for i := 1000; i < 1100; i++ {
		use(i, 1<<30)
	}
	add(b, FromTracker, elsewhere(200)) // never of use
	list := b.Save(100)
	if len(list) != 100 {
		t.Fatalf("%d saved", len(list))
	}
	crowd, anchored := 0, 0
	for i, s := range list {
		if Network(s.Addr.Addr()) == Network(address(0).Addr()) {
			crowd++
		}
		if s.Anchor {
			anchored++
		}
		if s.Addr == elsewhere(200) || i > 0 && s.Moved > list[i-1].Moved {
			t.Errorf("%d: %+v", i, s)
		}
	}
	if crowd != savedPerNetwork || anchored != anchors || !list[0].Anchor || !list[crowd].Anchor || list[crowd].Addr != elsewhere(149) {
		t.Errorf("%d of one network, %d anchors", crowd, anchored)
	}

	next := newBook()
	for i := range 500 {
		add(next, FromTracker, elsewhere(300+i))
	}
	next.Restore(list)
	for i := range anchors {
		addr, _, _ := next.Next(epoch)
		if !next.table[addr].proven() || addr != list[0].Addr && addr != list[crowd].Addr {
			t.Errorf("%v is dialled as number %d", addr, i)
		}
	}
	// Who is not met for some runs is forgotten in favour of others.
	again := next.Save(100)
	if len(again) != 100 || again[0].Moved != list[0].Moved/fade {
		t.Errorf("%d saved, the first moved %d", len(again), again[0].Moved)
	}
	b.sound(t)
	next.sound(t)
}

// TestRestoreIsModest: what an earlier run says changes nothing about what this one knows already.
func TestRestoreIsModest(t *testing.T) {
	b := newBook()
	add(b, FromTracker, address(1))
	b.Next(epoch)
	b.Failed(epoch, address(1))
	b.Restore([]Saved{{Addr: address(1), Origin: FromTracker, Moved: 100, Anchor: true}, {Origin: FromLAN}})
	if e := b.table[address(1)]; e.anchor || e.proven() || b.Known() != 1 {
		t.Errorf("%+v, %d known", e, b.Known())
	}
}
