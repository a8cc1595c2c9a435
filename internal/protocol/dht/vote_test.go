package dht

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
)

func TestAddressByVote(t *testing.T) {
	ours, lie := netip.MustParseAddr("5.6.7.8"), netip.MustParseAddr("6.6.6.6")
	voter := func(i int) netip.Addr { return publicAddr(i).Addr() }
	var b ballot
	for i := range votesNeeded - 1 {
		if b.cast(epoch, voter(i), ours) {
			t.Fatal("decided by", i+1)
		}
	}
	// One network has one vote, and what cannot be known has none.
	for i := range 250 {
		b.cast(epoch, netip.AddrFrom4([4]byte{9, 9, 9, byte(i)}), lie)
		b.cast(epoch, voter(100+i), netip.MustParseAddr("192.168.0.1"))
		b.cast(epoch, voter(100+i), netip.MustParseAddr("2a00::1"))
		b.cast(epoch, netip.MustParseAddr("10.0.0.1"), lie)
	}
	if b.outcome.IsValid() || len(b.votes) != votesNeeded {
		t.Fatal(b.outcome, len(b.votes))
	}
	if !b.cast(epoch, voter(50), ours) || b.outcome != ours {
		t.Fatal("not decided")
	}
	if b.cast(epoch, voter(51), ours) {
		t.Error("the same outcome is a change")
	}
	// A third that lies changes nothing.
	for i := range 3 {
		if b.cast(epoch, voter(60+i), lie) {
			t.Error("lied")
		}
	}
	// We have moved: the old votes fade.
	changed := 0
	moved := netip.MustParseAddr("7.7.7.7")
	for i := range 40 {
		if b.cast(epoch.Add(voteAge+time.Duration(i)*time.Second), voter(i), moved) {
			changed++
		}
	}
	if changed != 1 || b.outcome != moved || len(b.votes) > maxVotes {
		t.Error(changed, b.outcome, len(b.votes))
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
