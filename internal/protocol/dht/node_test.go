package dht

import (
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/storage"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

func someID(seed uint64) krpc.ID { return guard.NewID(netip.Addr{}, seeded(seed)) }

func TestTwoNodesFindEachOther(t *testing.T) {
	w := swarmOf(t, 1, 2)
	for _, h := range w.nodes {
		st := h.node.Stats(w.now).Sides[0]
		if st.State != Joined || st.Good != 1 {
			t.Errorf("%+v", st)
		}
	}
}

func TestFiftyNodesAnnounceFindPutAndGet(t *testing.T) {
	w := swarmOf(t, 2, 50)
	if got := w.states(); got["joined"] != 50 {
		t.Fatal(got)
	}
	hash := someID(7)
	sharer, getter := w.nodes[3], w.nodes[44]
	told := sharer.node.FindPeers(w.now, hash, PeerOptions{Announce: &Announcement{Port: 5555, Seed: true}})
	w.run(30*time.Second, told.Done)
	if told.Written() < 8 || len(told.Refused()) > 0 {
		t.Errorf("announced to %d, refused %v", told.Written(), told.Refused())
	}
	for i, h := range w.owners(hash, 8) {
		if h != sharer && len(h.node.peers.Of(w.now, hash, krpc.IPv4, 10, false)) != 1 {
			t.Errorf("the node %d. nearest does not know it", i)
		}
	}
	found := getter.node.FindPeers(w.now, hash, PeerOptions{Scrape: true})
	w.run(30*time.Second, found.Done)
	if got := found.Take(); !slices.Equal(got, []netip.AddrPort{netip.AddrPortFrom(sharer.addrs[0].Addr(), 5555)}) {
		t.Error("found", got)
	}
	if seeds, peers, ok := found.Scrape(); !ok || seeds < 0.9 || seeds > 1.1 || peers != 0 {
		t.Error("scrape:", seeds, peers, ok)
	}

	_, owner, _ := ed25519.GenerateKey(nil)
	for seq := range int64(3) {
		it, err := krpc.Sign(owner, []byte("feed"), []byte("i7e"), seq)
		if err != nil {
			t.Fatal(err)
		}
		put, err := sharer.node.Put(w.now, it, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.run(30*time.Second, put.Done)
		if put.Written() < 8 {
			t.Errorf("put to %d: %v", put.Written(), put.Refused())
		}
		got := getter.node.GetMutable(w.now, it.Key, []byte("feed"), nil)
		w.run(30*time.Second, got.Done)
		if best, ok := got.Best(); !ok || best.Seq != seq || string(best.Value) != "i7e" {
			t.Errorf("%+v", best)
		}
	}
	long := append([]byte("990:"), make([]byte, 990)...)
	put, err := sharer.node.Put(w.now, krpc.Item{Value: long}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run(30*time.Second, put.Done)
	// A stranger gets it too, although it is far more than three times the question.
	stranger := w.join(Config{}, publicAddr(60))
	stranger.node.Contact(w.now, publicAddr(0))
	got := stranger.node.GetImmutable(w.now, (&krpc.Item{Value: long}).Target())
	w.run(time.Minute, got.Done)
	if best, ok := got.Best(); !ok || string(best.Value) != string(long) {
		t.Errorf("%d bytes, answered %d", len(best.Value), got.Answered())
	}
}

func TestThirtyNodesOnOneMachine(t *testing.T) {
	w := newWire(t, 12)
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(7000+i))
	}
	for i := range 30 {
		h := w.join(Config{}, at(i))
		if i > 0 {
			h.node.Contact(w.now, at(0))
		}
	}
	w.run(time.Minute, nil)
	hash := someID(7)
	for i := range 3 {
		told := w.nodes[i].node.FindPeers(w.now, hash, PeerOptions{Announce: &Announcement{Port: 1, Implied: true}})
		w.run(30*time.Second, told.Done)
	}
	found := w.nodes[20].node.FindPeers(w.now, hash, PeerOptions{})
	w.run(30*time.Second, found.Done)
	if got := found.Take(); len(got) != 3 {
		t.Error("found", got)
	}
}

func TestEveryThirdDatagramIsLost(t *testing.T) {
	w := newWire(t, 13)
	w.loss = 0.3
	for i := range 40 {
		h := w.join(Config{External: []netip.Addr{publicAddr(i).Addr()}}, publicAddr(i))
		if i > 0 {
			h.node.Contact(w.now, publicAddr(w.rng.IntN(i)))
		}
	}
	w.run(10*time.Minute, nil)
	missed := 0
	for i := range 20 {
		hash := someID(uint64(100 + i))
		told := w.nodes[i].node.FindPeers(w.now, hash, PeerOptions{Announce: &Announcement{Port: 1}})
		w.run(time.Minute, told.Done)
		found := w.nodes[39-i].node.FindPeers(w.now, hash, PeerOptions{})
		w.run(time.Minute, found.Done)
		if len(found.Take()) != 1 {
			missed++
		}
	}
	if missed > 2 {
		t.Errorf("%d of 20 not found", missed)
	}
}

func TestSeveralAddressesShareOneStorage(t *testing.T) {
	w := swarmOf(t, 14, 20)
	shared := Config{Peers: storage.NewPeers(seeded(1)), Items: storage.NewItems()}
	one, two := w.join(shared, publicAddr(50)), w.join(shared, publicAddr(51))
	one.node.Contact(w.now, publicAddr(1))
	two.node.Contact(w.now, publicAddr(1))
	w.run(time.Minute, nil)
	if one.node.sides[0].id == two.node.sides[0].id {
		t.Error("two addresses with one ID")
	}
	hash := someID(3)
	one.node.peers.Announce(w.now, hash, publicAddr(9), false)
	if got := two.node.peers.Of(w.now, hash, krpc.IPv4, 9, false); len(got) != 1 {
		t.Error(got)
	}
}

func TestManySearchesAtOnce(t *testing.T) {
	w := swarmOf(t, 15, 30)
	h := w.nodes[3]
	var searches []*PeerSearch
	for i := range 200 {
		searches = append(searches, h.node.FindPeers(w.now, someID(uint64(500+i)), PeerOptions{Announce: &Announcement{Port: 1}}))
	}
	if st := h.node.Stats(w.now); st.Searches != 200 || len(h.node.walks.running) > maxWalks {
		t.Error(st.Searches, len(h.node.walks.running))
	}
	w.run(10*time.Minute, func() bool {
		return !slices.ContainsFunc(searches, func(s *PeerSearch) bool { return !s.Done() })
	})
	for i, s := range searches {
		if s.Written() < 8 {
			t.Errorf("search %d: announced to %d of %d, %v", i, s.Written(), s.Answered(), s.Refused())
		}
	}
	if len(h.node.calls.calls) > 0 || len(h.node.walks.running) > 0 {
		t.Error("something is left over")
	}
}

func TestTheSameSeedIsTheSameRun(t *testing.T) {
	run := func() string {
		w := swarmOf(t, 16, 15)
		var all string
		for _, h := range w.nodes {
			all += fmt.Sprintf("%+v", h.node.Stats(w.now))
		}
		return all
	}
	if first, second := run(), run(); first != second {
		t.Error("chance has come in from somewhere")
	}
}
