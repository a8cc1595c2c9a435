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
