package object

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// TestStirring: each object is taken once however often it stirs, in the order in which they did, and none that is in no books.
func TestStirring(t *testing.T) {
	bs := NewBooks()
	a, b := booked("a", 1, "/d", "x"), booked("b", 2, "/d", "y")
	b.rooms = a.rooms
	news := a.rooms.Stirring
	a.Stir()
	if list := news.Take(); len(list) > 0 {
		t.Error("news of an object that nobody knows")
	}
	bs.Enter(a, nil)
	bs.Enter(b, nil)
	<-news.Wake()
	if list := news.Take(); !slices.Equal(list, []*Object{a, b}) {
		t.Error("not told that they are there", list)
	}
	for range 3 {
		b.Stir()
		a.Stir()
	}
	<-news.Wake()
	if list := news.Take(); !slices.Equal(list, []*Object{b, a}) {
		t.Error("taken", list)
	}
	bs.Strike(a)
	a.Stir()
	if list := news.Take(); len(list) > 0 || a.IsBooked() {
		t.Error("news of one that is gone")
	}
	select {
	case <-news.Wake():
		t.Error("woken for nothing")
	default:
	}
}

// TestBooksForgetPaths: a path is free again when its object has another, or is gone.
func TestBooksForgetPaths(t *testing.T) {
	bs := NewBooks()
	a, b := booked("a", 1, "/d", "x"), booked("b", 2, "/d", "")
	bs.Enter(a, nil)
	bs.Enter(b, nil)
	if bs.Claim("/d/x", b) || !bs.Claim("/d/y", b) || !bs.ClaimToo("/d/z", b) || bs.ClaimToo("/d/z", a) {
		t.Error("paths are not kept apart")
	}
	bs.GiveUp("/d/z", b)
	if !bs.ClaimToo("/d/z", a) || !bs.Claim("/d/w", a) || !bs.Claim("/d/x", b) || !bs.Claim("/d/y", a) {
		t.Error("a path that was given up is not free")
	}
	bs.Strike(b)
	if !bs.Claim("/d/x", a) {
		t.Error("a path of one that is gone is not free")
	}
	if bs.Strike(a); len(bs.places) > 0 || len(bs.byHash) > 0 || len(bs.byReq2) > 0 || len(bs.byID) > 0 {
		t.Errorf("%d paths, %d hashes, %d ids are left", len(bs.places), len(bs.byHash), len(bs.byID))
	}
}

// TestWaitingRests: who waits among those to whom turns are dealt though they are at rest needs no looking after; and while all are
// taken up nobody looks at the others to know whether it is its turn.
func TestWaitingRests(t *testing.T) {
	o := booked("a", 1, "/d", "x")
	o.Swarm = swarm.New(time.Now(), swarm.Config{Rand: rand.New(rand.NewPCG(1, 2)), Wake: func() {}})
	o.Swarm.Stop(swarm.Paused, nil)
	o.record.Kind, o.record.State, o.record.DoneAt, o.waiting = catalog.Shared, catalog.Seeding, time.Now(), true
	if o.Rest(time.Now()) {
		t.Error("one that nobody deals a turn is at rest")
	}
	o.rooms.Bounds.Seeds = 1
	if !o.Rest(time.Now()) {
		t.Error("not at rest")
	}
	if o.opened = make(chan struct{}); o.hasTurn() {
		t.Error("it is its turn before the deal")
	}
}
