package dht

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

func TestAloneItTriesAgainAndAgain(t *testing.T) {
	w := newWire(t, 1)
	h := w.join(Config{}, publicAddr(1))
	h.node.Contact(w.now, publicAddr(2))
	asked := 0
	w.at[publicAddr(2)] = w.join(Config{}, publicAddr(3))
	w.deliver = func(p parcel) bool { asked++; return false }
	w.run(time.Hour, nil)
	if st := h.node.Stats(w.now).Sides[0]; st.State == Joined || asked < 10 || asked > 50 {
		t.Errorf("%v, asked %d times in an hour", st.State, asked)
	}
	w.deliver = nil
	w.run(10*time.Minute, func() bool { return h.node.Stats(w.now).Sides[0].State == Joined })
}

func TestRestartFromTheSavedTable(t *testing.T) {
	w := swarmOf(t, 3, 30)
	saved := w.nodes[5].node.Table()
	if len(saved) < 20 {
		t.Fatal(len(saved))
	}
	// Two thirds are gone when we come back.
	for _, h := range slices.Clone(w.nodes[10:]) {
		w.leave(h)
	}
	h := w.join(Config{}, publicAddr(99))
	h.node.Contact(w.now, publicAddr(200), publicAddr(201)) // all routers are dead
	h.node.Restore(w.now, saved)
	begun := w.now
	w.run(time.Minute, func() bool { return h.node.Stats(w.now).Sides[0].State == Joined })
	t.Log("joined after", w.now.Sub(begun))
	w.run(time.Minute, nil)
	if st := h.node.Stats(w.now).Sides[0]; st.Good < 9 {
		t.Errorf("%+v", st)
	}
}

func TestLineDownIsSurvived(t *testing.T) {
	w := swarmOf(t, 4, 20)
	h := w.nodes[7]
	before := len(h.node.Table())
	w.deliver = func(p parcel) bool { return w.at[p.to] != h && w.at[p.from] != h }
	w.run(3*time.Hour, nil)
	if got := len(h.node.Table()); got != before {
		t.Errorf("%d nodes of %d are left after our own line was down", got, before)
	}
	w.deliver = nil
	w.run(10*time.Minute, func() bool { st := h.node.Stats(w.now).Sides[0]; return st.State == Joined && st.Good >= before/2 })
}

func TestTheFamiliesHelpEachOther(t *testing.T) {
	w := newWire(t, 6)
	for i := range 12 {
		h := w.join(Config{External: []netip.Addr{publicAddr(i).Addr(), publicAddr6(i).Addr()}}, publicAddr(i), publicAddr6(i))
		if i > 0 {
			h.node.Contact(w.now, publicAddr(i-1))
			if i < 6 {
				h.node.Contact(w.now, publicAddr6(i-1))
			}
		}
	}
	w.run(20*time.Minute, nil)
	for _, h := range w.nodes {
		for _, st := range h.node.Stats(w.now).Sides {
			if st.State != Joined || st.Good < 8 || !guard.ValidID(st.ID, st.External) {
				t.Errorf("%+v", st)
			}
		}
	}
	// A peer of both is found by each family at its address there.
	hash := someID(3)
	told := w.nodes[11].node.FindPeers(w.now, hash, PeerOptions{Announce: &Announcement{Port: 1}})
	w.run(30*time.Second, told.Done)
	for h, want := range map[*host]krpc.Families{
		w.join(Config{}, publicAddr(40)): krpc.IPv4, w.join(Config{}, publicAddr6(41)): krpc.IPv6, w.nodes[0]: krpc.IPv4 | krpc.IPv6,
	} {
		h.node.Contact(w.now, publicAddr(2), publicAddr6(2))
		found := h.node.FindPeers(w.now, hash, PeerOptions{})
		w.run(30*time.Second, found.Done)
		var got krpc.Families
		for _, p := range found.Take() {
			got |= krpc.FamilyOf(p.Addr())
		}
		if got != want {
			t.Errorf("found in %d, want %d", got, want)
		}
	}
}

func TestAFamilyThatLeadsNowhereIsTriedSeldom(t *testing.T) {
	w := newWire(t, 7)
	for i := range 12 {
		h := w.join(Config{}, publicAddr(i), publicAddr6(i))
		if i > 0 {
			h.node.Contact(w.now, publicAddr(i-1), publicAddr6(i-1))
		}
	}
	w.run(time.Minute, nil)
	h := w.join(Config{}, publicAddr(50), publicAddr6(50))
	h.node.Contact(w.now, publicAddr(0))
	lost := 0
	w.deliver = func(p parcel) bool {
		if p.from == h.addrs[1] {
			lost++
		}
		return p.from != h.addrs[1] && p.to != h.addrs[1]
	}
	w.run(2*time.Hour, nil)
	st := h.node.Stats(w.now)
	if st.Sides[0].State != Joined || st.Sides[1].State == Joined || lost == 0 || lost > 600 {
		t.Errorf("%v, %v, %d lost", st.Sides[0].State, st.Sides[1].State, lost)
	}
}
