package dht

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Our address is what most nodes say, of those that can know it; it stays while they are at odds.
func TestAddressByVote(t *testing.T) {
	n := New(epoch, Config{Rand: seeded(1), Families: krpc.IPv4})
	s := n.sides[0]
	ours, moved := netip.MustParseAddr("5.6.7.8"), netip.MustParseAddr("7.7.7.7")
	local := netip.MustParseAddr("192.168.0.1")
	first := s.id
	tell := func(i int, says netip.Addr) { n.toldAddress(epoch, s, publicAddr(i).Addr(), says) }
	for i := range 10 {
		tell(i, local)
		tell(i, netip.IPv4Unspecified())
		tell(i, netip.MustParseAddr("224.0.0.1"))
		n.toldAddress(epoch, s, netip.AddrFrom4([4]byte{10, byte(i), 1, 1}), ours)
	}
	if s.own.IsValid() || s.id != first {
		t.Fatal("taken from who cannot know:", s.own)
	}
	for i := range 10 {
		tell(i, ours)
	}
	second := s.id
	if s.own != ours || second == first || !guard.ValidID(second, ours) {
		t.Fatal(s.own, second)
	}
	for i := range 6 {
		tell(20+i, moved)
	}
	if s.own != ours || s.id != second {
		t.Error("given up while they are at odds")
	}
	for i := range 20 {
		tell(30+i, moved)
	}
	if s.own != moved || !guard.ValidID(s.id, moved) {
		t.Error(s.own)
	}
}

func TestNodeTakesAnIDForItsAddress(t *testing.T) {
	w := newWire(t, 5)
	for i := range 20 {
		h := w.join(Config{}, publicAddr(i)) // nobody is told his address
		if i > 0 {
			h.node.Contact(w.now, publicAddr(i-1), publicAddr(0))
		}
	}
	w.run(40*time.Minute, nil)
	for _, h := range w.nodes {
		st := h.node.Stats(w.now).Sides[0]
		if st.External != h.addrs[0].Addr() || !guard.ValidID(st.ID, st.External) || st.State != Joined || st.Good < 15 {
			t.Errorf("%+v at %v", st, h.addrs)
		}
	}
}
