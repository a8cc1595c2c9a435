package object

import (
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/node/scouting"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

func booked(id string, b byte, root, name string) *Object {
	hash := metainfo.HashV1{b}
	return &Object{ID: id, rooms: &Rooms{Stirring: NewStirring()}, record: catalog.Record{
		ID: id, Kind: catalog.Fetched, InfoHash: metainfo.NewInfoHash(&hash, nil), Root: root, Name: name,
	}}
}

func TestBooksByHash(t *testing.T) {
	bs := NewBooks()
	a, b := booked("a", 1, "/d", "x"), booked("b", 2, "/d", "")
	bs.Enter(a, nil)
	bs.Enter(b, nil)
	if bs.Find([20]byte{1}) != a || bs.Holding(b.record.InfoHash) != b || bs.Find([20]byte{3}) != nil || bs.ByID("b") != b || bs.ByID("c") != nil {
		t.Error("not found as entered")
	}
	if name, ok := bs.FindReq2(mse.Req2([20]byte{1})); !ok || name != [20]byte{1} {
		t.Error(name, ok)
	}
	// Who takes the place of another stands where that stood, under a number of its own.
	again := booked("a", 1, "/d", "x")
	bs.Enter(again, a)
	if !slices.Equal(bs.All(), []*Object{again, b}) || bs.Find([20]byte{1}) != again || bs.holds(a) || again.Num() == a.Num() {
		t.Error("not replaced")
	}
	// A hash that one object has is not another's.
	bs.addHashes(b, again.record.InfoHash)
	if bs.Find([20]byte{1}) != again {
		t.Error("the hash was taken away")
	}
	bs.Strike(again)
	if _, ok := bs.FindReq2(mse.Req2([20]byte{1})); ok || bs.Find([20]byte{1}) != nil || bs.ByID("a") != nil {
		t.Error("something of it is left")
	}
}

// Scouts are found by those who dial us, and are no objects: nothing is held by them, and an object goes before them.
func TestBooksScouts(t *testing.T) {
	bs := NewBooks()
	a, scout := booked("a", 1, "/d", "x"), booked("a", 2, "/d", "x")
	scout.scouting = scouting.New()
	bs.Enter(a, nil)
	bs.enterScout(scout)
	if bs.Find([20]byte{2}) != scout || bs.Holding(scout.record.InfoHash) != nil || !slices.Equal(bs.All(), []*Object{a}) ||
		!slices.Equal(bs.Scouts(), []*Object{scout}) || bs.ByID("a") != a {
		t.Error("not in the books as a scout")
	}
	b := booked("b", 2, "/d", "")
	bs.Enter(b, nil)
	if bs.Find([20]byte{2}) != b || bs.Holding(scout.record.InfoHash) != b {
		t.Error("a scout went before an object")
	}
	bs.strikeScout(scout)
	if bs.Find([20]byte{2}) != b || len(bs.Scouts()) != 0 || len(bs.All()) != 2 {
		t.Error("more than the scout was struck")
	}
}

func TestBooksPlaces(t *testing.T) {
	bs := NewBooks()
	a, b := booked("a", 1, "/d", "x"), booked("b", 2, "/d", "")
	bs.Enter(a, nil)
	bs.Enter(b, nil)
	for _, c := range []struct {
		why string
		got bool
		yes bool
	}{
		{"another has it", bs.Claim("/d/x", b), false},
		{"its own", bs.Claim("/d/x", a), true},
		{"free", bs.Claim("/d/y", b), true},
		{"one more", bs.ClaimToo("/e/y", b), true},
		{"both are held", bs.ClaimToo("/d/y", a) || bs.ClaimToo("/e/y", a), false},
	} {
		if c.got != c.yes {
			t.Errorf("%s: %v", c.why, c.got)
		}
	}
	bs.GiveUp("/e/y", a) // not a's to give up
	if bs.ClaimToo("/e/y", a) {
		t.Error("given up by somebody else")
	}
	bs.GiveUp("/e/y", b)
	if !bs.ClaimToo("/e/y", a) {
		t.Error("not given up")
	}
	if !bs.Claim("/d/z", b) || !bs.ClaimToo("/d/y", a) {
		t.Error("a claim does not give up the one before")
	}
}

func TestBooksAway(t *testing.T) {
	bs := NewBooks()
	arrive, ok := bs.Depart("a")
	if _, twice := bs.Depart("a"); !ok || twice || !bs.isAway("a") {
		t.Error("departed twice")
	}
	arrive()
	if bs.isAway("a") {
		t.Error("still away")
	}
	if _, ok := bs.Depart("a"); !ok {
		t.Error("cannot depart again")
	}
	arrive() // again, which is not the other's arrival
	if !bs.isAway("a") {
		t.Error("arrived by mistake")
	}
}
