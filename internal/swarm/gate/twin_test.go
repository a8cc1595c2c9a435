package gate

import (
	"errors"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/identity"
)

// Of two connections to one peer the one stays on which it has proven its key, unless somebody else may have proven one there.
func TestProvenTwin(t *testing.T) {
	const plain, ours, foreign = 0, 1, 2 // keys
	here, away := elsewhere(1), elsewhere(2)
	for _, c := range []struct {
		what         string
		old          identity.Key
		oldOutgoing  bool
		then         identity.Key
		thenOutgoing bool
		moved        bool // it comes from another address
		stays        bool // the newcomer
	}{
		{"we dial it again to have it proven", identity.Key{plain}, true, identity.Key{ours}, true, false, true},
		{"it dials us again to prove itself", identity.Key{plain}, false, identity.Key{ours}, false, false, true},
		{"it proves itself where we dialled it plainly", identity.Key{plain}, true, identity.Key{ours}, false, false, true},
		{"somebody elsewhere proves some key, under its name", identity.Key{plain}, false, identity.Key{ours}, false, true, false},
		{"somebody elsewhere, whom we dial, proves some key under its name", identity.Key{plain}, true, identity.Key{ours}, true, true, false},
		{"somebody comes plainly under its name", identity.Key{ours}, false, identity.Key{plain}, false, false, false},
		{"somebody with another key comes under its name", identity.Key{ours}, false, identity.Key{foreign}, false, false, false},
		{"it has lost the connection, and comes again", identity.Key{ours}, false, identity.Key{ours}, false, false, true},
		{"we dial it again for nothing", identity.Key{ours}, true, identity.Key{ours}, true, false, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			h := newHouse(10)
			h.told(addressbook.FromUser, here)
			guest := func(key identity.Key, outgoing bool) *Guest {
				return &Guest{Addr: here, Remote: [20]byte{9}, Key: key, Outgoing: outgoing, Since: begin, Moved: func() int64 { return 0 }}
			}
			old := guest(c.old, c.oldOutgoing)
			if _, err := h.Admit(begin, old, false); err != nil {
				t.Fatal(err)
			}
			newcomer := guest(c.then, c.thenOutgoing)
			if c.moved {
				newcomer.Addr = away
			}
			leaves, err := h.Admit(begin, newcomer, false)
			leaves.leave()
			if stays := err == nil; stays != c.stays || stays != (old.Kicked != nil) || !stays && !errors.Is(err, ErrDuplicate) {
				t.Errorf("%v, and the other is told %v", err, old.Kicked)
			}
			h.sweep(begin)
			if _, ok := h.next(begin.Add(time.Hour)); ok && (c.thenOutgoing || c.oldOutgoing && !c.stays) {
				t.Error("it is dialled though it is there")
			}
			if c.thenOutgoing && c.stays && h.book.Pin(here).Key != c.then {
				t.Error("what it has proven is not remembered")
			}
		})
	}
}
