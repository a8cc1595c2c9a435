package gate

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
)

// TestBothDialled: of two connections that were begun at the same time one is refused; the peer is then known to be there, and not
// dialled again before it has left.
func TestBothDialled(t *testing.T) {
	here := elsewhere(1)
	for name, from := range map[string]netip.AddrPort{"from where it listens": here, "from another port": netip.AddrPortFrom(here.Addr(), 50000)} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(10)
			h.told(addressbook.FromTracker, here)
			if addr, ok := h.next(begin); !ok || addr != here {
				t.Fatal(addr, ok)
			}
			guest := func(addr netip.AddrPort, outgoing bool) *Guest {
				return &Guest{Addr: addr, Remote: [20]byte{9}, Outgoing: outgoing, Since: begin, Moved: func() int64 { return 0 }}
			}
			came := guest(from, false)
			if _, err := h.Admit(begin, came, false); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Admit(begin, guest(here, true), false); !errors.Is(err, ErrDuplicate) {
				t.Fatal(err)
			}
			h.Failed(begin, here)
			if addr, ok := h.next(begin.Add(time.Hour)); ok {
				t.Error("dialled though it is there:", addr)
			}
			h.Left(begin.Add(time.Hour), came, errors.New("it went"))
			if addr, ok := h.next(begin.Add(2 * time.Hour)); !ok || addr != here {
				t.Error("not dialled though it has left:", addr)
			}
		})
	}
}
