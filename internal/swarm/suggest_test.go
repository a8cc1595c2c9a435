package swarm

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// suggestions takes what a peer is to be told, and returns the pieces that are suggested to it.
func suggestions(t *testing.T, s *Swarm, now time.Time, id PeerID) (pieces []int) {
	t.Helper()
	var box Outbox
	if err := s.Outbound(now, id, &box, 0); err != nil {
		t.Fatal(err)
	}
	var p wire.Parser
	for rest := box.Frames; len(rest) > 0; {
		m, n, err := p.Next(rest)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if rest = rest[n:]; m.Type == wire.Suggest {
			pieces = append(pieces, int(m.Index))
		}
	}
	return pieces
}

// TestSuggestions: a seed suggests to each peer that it serves other pieces, and more as it asks for them.
func TestSuggestions(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 1<<20, 12<<20))
	s := w.seed().swarm
	given := map[int]bool{}
	take := func(id PeerID, want int) (first int) {
		t.Helper()
		pieces := suggestions(t, s, w.now, id)
		if len(pieces) != want {
			t.Fatalf("suggests %v, want %d", pieces, want)
		}
		for _, i := range pieces {
			if given[i] {
				t.Fatalf("suggests %v, but not all of it for the first time", pieces)
			}
			given[i] = true
		}
		return append(pieces, -1)[0]
	}
	a, b, c := join(t, s, w.now, 1), join(t, s, w.now, 2), join(t, s, w.now, 3)
	take(a, 0)
	for _, id := range []PeerID{a, b, c} {
		tell(t, s, w.now, id, wire.Message{Type: wire.Interested})
	}
	s.Grant(w.now, func(id PeerID) bool { return id != c })
	next := take(a, 2)
	take(b, 2)
	take(c, 0) // it is choked
	tell(t, s, w.now, a, asks(wire.Request, next, 0, block), asks(wire.Request, next, block, block))
	take(a, 1)

	// What one had that leaves is for others.
	s.Leave(w.now, a, nil)
	clear(given)
	s.Grant(w.now, func(PeerID) bool { return true })
	take(c, 2)
}

// TestSuggestionsHeedHaves: who comes later is suggested nothing that it has, and nobody what somebody has.
func TestSuggestionsHeedHaves(t *testing.T) {
	const pieces = 12
	half := wire.Message{Type: wire.Bitfield, Payload: []byte{0xfc, 0}}
	for name, told := range map[string][]wire.Message{
		"in a bitfield": {half},
		"one by one": {
			{Type: wire.Have, Index: 0}, {Type: wire.Have, Index: 1}, {Type: wire.Have, Index: 2}, {Type: wire.Have, Index: 3}, {Type: wire.Have, Index: 4}, {Type: wire.Have, Index: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, makeThing(t, metainfo.FormatV1, 1<<20, pieces<<20))
			s := w.seed().swarm
			a := join(t, s, w.now, 1)
			tell(t, s, w.now, a, wire.Message{Type: wire.Interested})
			s.Grant(w.now, func(PeerID) bool { return true })
			before := suggestions(t, s, w.now, a)
			b := join(t, s, w.now, 2)
			tell(t, s, w.now, b, append(told, wire.Message{Type: wire.Interested})...)
			s.Grant(w.now, func(PeerID) bool { return true })
			list := suggestions(t, s, w.now, b)
			for next := before[0]; next >= 0; {
				tell(t, s, w.now, a, asks(wire.Request, next, 0, block))
				more := suggestions(t, s, w.now, a)
				list = append(list, more...)
				next = append(more, -1)[0]
			}
			for _, i := range list {
				if i < pieces/2 {
					t.Errorf("suggests %v, of which one of the two has those before %d", list, pieces/2)
					break
				}
			}
		})
	}
}

// TestSuggestionsOfAnotherSeed: where somebody else has everything, there is nothing to be suggested.
func TestSuggestionsOfAnotherSeed(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 1<<20, 12<<20))
	s := w.seed().swarm
	a := join(t, s, w.now, 1)
	tell(t, s, w.now, a, wire.Message{Type: wire.Interested})
	s.Grant(w.now, func(PeerID) bool { return true })
	next := suggestions(t, s, w.now, a)[0]
	b := join(t, s, w.now, 2)
	if _, err := s.Receive(w.now, b, []wire.Message{{Type: wire.HaveAll}}, nil); err == nil {
		t.Error("it stays, though neither side has anything for the other")
	}
	tell(t, s, w.now, a, asks(wire.Request, next, 0, block))
	if list := suggestions(t, s, w.now, a); len(list) > 0 {
		t.Errorf("suggests %v", list)
	}
}

// TestSuggestionsAfterAPause: what was suggested before a pause is so no more.
func TestSuggestionsAfterAPause(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 1<<20, 2<<20))
	s := w.seed().swarm
	for k := range byte(2) {
		a := join(t, s, w.now, 1+k)
		tell(t, s, w.now, a, wire.Message{Type: wire.Interested})
		s.Grant(w.now, func(PeerID) bool { return true })
		if list := suggestions(t, s, w.now, a); len(list) != 2 {
			t.Errorf("suggests %v of two", list)
		}
		tell(t, s, w.now, a, asks(wire.Request, 0, 0, block), asks(wire.Request, 1, 0, block))
		s.Stop(Paused, nil)
		s.Leave(w.now, a, nil)
		s.Resume(w.now)
	}
}

// TestEachOther: of one narrow seed everybody gets something else, and gives it to the others.
func TestEachOther(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 16*block, 8<<20))
	seed := w.seed()
	seed.rate = 64 << 10
	sent := 0
	seed.tamper = func(b bittorrent.Block, _ []byte) bool { sent += b.Length; return true }
	var others []*node
	for range 4 {
		n := w.leech()
		w.mustConnect(n, append(others, seed)...)
		others = append(others, n)
	}
	w.until(5*time.Minute, func() bool {
		for _, n := range others {
			if !n.done() {
				return false
			}
		}
		return true
	})
	for _, n := range others {
		n.right()
	}
	if times := float64(sent) / (8 << 20); times > 1.3 {
		t.Errorf("the seed sent %.2f times all there is", times)
	}
}
