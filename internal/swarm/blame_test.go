package swarm

import (
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// lies makes a node send wrong bytes when so.
func lies(n *node, so func(b bittorrent.Block) bool) {
	n.tamper = func(b bittorrent.Block, p []byte) bool {
		if so(b) {
			p[len(p)/2] ^= 1
		}
		return true
	}
}

// TestLiar: among honest peers a liar is found, named and sent away, nobody else is, and the download completes.
func TestLiar(t *testing.T) {
	for _, format := range formats {
		for _, tt := range []struct {
			name   string
			honest int
			lie    func(b bittorrent.Block) bool
		}{
			{"always", 1, func(bittorrent.Block) bool { return true }},
			{"always, among many", 4, func(bittorrent.Block) bool { return true }},
			{"in one place", 2, func(b bittorrent.Block) bool { return b.Begin == block }},
		} {
			t.Run(format.String()+" "+tt.name, func(t *testing.T) {
				w := newWorld(t, makeThing(t, format, 4*block, 60*block))
				liar, n := w.seed(), w.leech()
				lies(liar, tt.lie)
				w.mustConnect(n, liar)
				for range tt.honest {
					a := w.seed()
					a.rate = block
					w.mustConnect(n, a)
				}
				liar.rate = block
				w.until(time.Minute, n.done)
				n.right()
				if got := n.accused(); !slices.Equal(got, []string{liar.addr.String()}) {
					t.Errorf("accused %v, want %v", got, liar.addr)
				}
				if n.facts.Accused[0].Client != "test 1" {
					t.Errorf("%+v", n.facts.Accused[0])
				}
				w.step(time.Second)
				if liar.peers() != 0 {
					t.Error("the liar is still connected")
				}
				if _, err := w.connect(n, liar); err == nil {
					t.Error("the liar is taken again")
				}
				if s := n.swarm.Snapshot(w.now); s.WastedBytes == 0 {
					t.Error("nothing was wasted")
				}
			})
		}
	}
}

// TestLiarGone: who sends wrong bytes and leaves before they are found out is banned all the same.
func TestLiarGone(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 4*block))
	liar, n := w.seed(), w.leech()
	lies(liar, func(bittorrent.Block) bool { return true })
	l, err := w.connect(n, liar)
	if err != nil {
		t.Fatal(err)
	}
	var verdict func()
	hashes := n.hashes
	n.hashes = nil // the intake is slow
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("the piece was never complete")
			}
		}()
		for range 100 {
			w.step(20 * time.Millisecond)
		}
	}()
	n.hashes = hashes
	w.close(l, 1, errGone)
	verdict = func() { n.check(0) }
	verdict()
	n.takeFacts()
	if got := n.accused(); !slices.Equal(got, []string{liar.addr.String()}) {
		t.Errorf("accused %v", got)
	}
	if _, err := w.connect(n, liar); err == nil {
		t.Error("the liar is taken again")
	}
	w.mustConnect(n, w.seed())
	w.until(20*time.Second, n.done)
	n.right()
}

// TestDepartedAreBounded: peers that came, gave something and went are not remembered for ever.
func TestDepartedAreBounded(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.leech()
	for k := range 2 * maxDeparted {
		id := join(t, n.swarm, w.now, byte(k))
		n.swarm.peers[id].conv.Arrived(w.now, 1)
		n.swarm.Leave(w.now, id, errGone)
	}
	if len(n.swarm.gone) > maxDeparted {
		t.Errorf("%d remembered", len(n.swarm.gone))
	}
}

// TestLeavesTellWhoLied: in v2 the leaves of a failed piece are asked for, and only the wrong blocks are fetched again.
func TestLeavesTellWhoLied(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV2, 64*block, 64*block*3))
	liar, honest, n := w.seed(), w.seed(), w.leech()
	// Both contribute to every piece; the liar is wrong now and then.
	wrong := 0
	lies(liar, func(b bittorrent.Block) bool {
		lie := b.Begin/block%16 == 3 && wrong < 2
		if lie {
			wrong++
		}
		return lie
	})
	liar.rate, honest.rate = block/4, block/4
	w.mustConnect(n, liar, honest)
	w.until(5*time.Minute, n.done)
	n.right()
	if got := n.accused(); !slices.Equal(got, []string{liar.addr.String()}) {
		t.Errorf("accused %v", got)
	}
	if n.swarm.hashes.Lacking() {
		t.Error("leaves are still wanted")
	}
}
