package addressbook

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/identity"
)

func TestPins(t *testing.T) {
	b := newBook()
	at := elsewhere(1)
	key := func(k byte) identity.Key { return identity.Key{k} }
	b.SetPin(at, Pin{Key: key(1), By: FromUser})
	if p := b.Pin(at); p != (Pin{}) {
		t.Errorf("an address that is not in the book has %v", p)
	}
	add(b, FromTracker, at)
	for _, c := range []struct {
		what string
		do   func()
		want Pin
		firm bool
	}{
		{"none", func() { b.SetPin(at, Pin{By: FromUser}) }, Pin{}, false},
		{"proven", func() { b.SetPin(at, Pin{key(1), FromPeer}) }, Pin{key(1), FromPeer}, false},
		{"proven by another", func() { b.SetPin(at, Pin{key(2), FromPeer}) }, Pin{key(2), FromPeer}, false},
		{"forgotten", func() { b.Unpin(at) }, Pin{}, false},
		{"by the link", func() { b.SetPin(at, Pin{key(3), FromLink}) }, Pin{key(3), FromLink}, true},
		{"proven otherwise", func() { b.SetPin(at, Pin{key(4), FromPeer}) }, Pin{key(3), FromLink}, true},
		{"not to be forgotten", func() { b.Unpin(at) }, Pin{key(3), FromLink}, true},
		{"by the user", func() { b.SetPin(at, Pin{key(5), FromUser}) }, Pin{key(5), FromUser}, true},
		{"by the link again", func() { b.SetPin(at, Pin{key(3), FromLink}) }, Pin{key(5), FromUser}, true},
	} {
		c.do()
		if got := b.Pin(at); got != c.want || got.Firm() != c.firm {
			t.Errorf("%s: %v, firm %v", c.what, got, got.Firm())
		}
	}
}

// What was proven in one run is remembered in the next, and no more than that.
func TestPinsAreSaved(t *testing.T) {
	b, next := newBook(), newBook()
	for i, by := range []Origin{FromPeer, FromUser} {
		add(b, FromTracker, elsewhere(i))
		b.SetPin(elsewhere(i), Pin{identity.Key{byte(i + 1)}, by})
		b.Moved(epoch, elsewhere(i), 1)
	}
	next.Restore(b.Save(10))
	for i := range 2 {
		if p := next.Pin(elsewhere(i)); p != (Pin{identity.Key{byte(i + 1)}, FromPeer}) {
			t.Errorf("%d: %v", i, p)
		}
	}
}
