package swarm

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

func super(c *Config, _ *Content) { c.SuperSeeding = true }

// TestSuperSeedMasquerades: what a peer hears of a seed is that it has nothing, and then a few pieces; of others it gets none.
func TestSuperSeedMasquerades(t *testing.T) {
	x := makeThing(t, metainfo.FormatV1, 512<<10, 20*512<<10) // of which 4 are offered to who is served
	w := newWorld(t, x)
	n := w.seed(super)
	id := join(t, n.swarm, w.now, 1)
	told := map[uint32]bool{}
	hear := func() {
		t.Helper()
		var box Outbox
		if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil {
			t.Fatal(err)
		}
		for _, m := range messages(t, box.Frames) {
			switch m.Type {
			case wire.Have:
				told[m.Index] = true
			case wire.HaveAll, wire.Bitfield, wire.AllowedFast:
				t.Errorf("it said %v", m.Type)
			case wire.Extended:
				if m.Payload[0] == 0 {
					if hello, err := wire.ParseExtHandshake(m.Payload[1:]); err != nil || hello.Intent == wire.UploadOnly {
						t.Errorf("it said that it is a seed: %+v, %v", hello, err)
					}
				}
			}
		}
	}
	hear()
	if len(told) != 2 {
		t.Fatalf("a choked peer was told of %v", told)
	}
	n.swarm.Grant(w.now, func(PeerID) bool { return true })
	hear()
	if len(told) != 4 {
		t.Fatalf("a peer that is served was told of %v", told)
	}
	for piece := range uint32(20) {
		m := wire.Message{Type: wire.Request, Index: piece, Length: block}
		if _, err := n.swarm.Receive(w.now, id, []wire.Message{m}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var box Outbox
	if err := n.swarm.Outbound(w.now, id, &box, 1<<20); err != nil {
		t.Fatal(err)
	}
	for _, b := range box.Uploads {
		if !told[uint32(b.Piece)] {
			t.Errorf("it was given %+v, which it was not told of", b)
		}
	}
	if len(box.Uploads) != 4 || !n.swarm.Snapshot(w.now).SuperSeeding {
		t.Errorf("given %v", box.Uploads)
	}
}

// TestSuperSeedingEnds: when another seed comes all are told of everything, in portions.
func TestSuperSeedingEnds(t *testing.T) {
	x := makeThing(t, metainfo.FormatV1, 1<<10, 9000<<10)
	w := newWorld(t, x)
	n := w.seed(super)
	id := join(t, n.swarm, w.now, 1)
	var box Outbox
	told := map[uint32]int{}
	rounds := 0
	hear := func() (news bool) {
		t.Helper()
		if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil {
			t.Fatal(err)
		}
		if len(box.Frames) > maxRevealed+4096 {
			t.Fatalf("%d bytes at once", len(box.Frames))
		}
		for _, m := range messages(t, box.Frames) {
			if m.Type == wire.Have {
				told[m.Index]++
			}
		}
		rounds++
		return len(box.Frames) > 0
	}
	hear()
	other := join(t, n.swarm, w.now, 2)
	if _, err := n.swarm.Receive(w.now, other, []wire.Message{{Type: wire.HaveAll}}, nil); err == nil {
		t.Error("another seed is of no use, and stays")
	}
	if n.swarm.Snapshot(w.now).SuperSeeding {
		t.Fatal("there is another seed, and it goes on")
	}
	for hear() {
	}
	if len(told) != 9000 || rounds < 3 {
		t.Errorf("told of %d pieces in %d rounds", len(told), rounds)
	}
	for piece, times := range told {
		if times != 1 {
			t.Fatalf("told %d times of piece %d", times, piece)
		}
	}
	n.swarm.Stop(Paused, nil)
	n.swarm.Leave(w.now, id, nil)
	n.swarm.Leave(w.now, other, nil)
	n.swarm.Resume(w.now)
	if n.swarm.Snapshot(w.now).SuperSeeding {
		t.Error("it begins again")
	}
}

// TestSuperSeedOnDemand: who is connected when it begins knows too much.
func TestSuperSeedOnDemand(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	w := newWorld(t, x)
	n := w.seed()
	id := join(t, n.swarm, w.now, 1)
	n.swarm.SuperSeed()
	if _, err := n.swarm.Tick(w.now, id); err != errConcealed {
		t.Errorf("who knows all stays: %v", err)
	}
	partial := x.pieces(0)
	m := w.add(&partial)
	m.swarm.SuperSeed()
	if m.swarm.Snapshot(w.now).SuperSeeding {
		t.Error("it super-seeds what it does not have")
	}
}

// TestSuperSeedServesEverybody: others who exchange among themselves are all complete in the end, and were given hardly more than once
// what there is.
func TestSuperSeedServesEverybody(t *testing.T) {
	for _, format := range []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2} {
		x := makeThing(t, format, 32<<10, 40*32<<10)
		w := newWorld(t, x)
		n := w.seed(super)
		n.rate = 16 << 10 // its line is narrower than the others'
		a, b, c := w.leech(), w.leech(), w.leech()
		w.mustConnect(n, a, b, c)
		w.mustConnect(a, b, c)
		w.mustConnect(b, c)
		w.until(3*time.Minute, func() bool {
			for _, o := range []*node{a, b, c} {
				if state, _ := o.swarm.State(); state != Seeding {
					return false
				}
			}
			return true
		})
		given := n.swarm.Snapshot(w.now).UpBytes
		if size := int64(40 * 32 << 10); given > size*6/5 {
			t.Errorf("%v: the seed gave %d of %d bytes", format, given, size)
		}
	}
}

// messages are those in bytes from us.
func messages(t *testing.T, b []byte) (list []wire.Message) {
	t.Helper()
	parser := wire.Parser{Limits: wire.Limits{Block: bittorrent.BlockSize, Extended: 1 << 20, Bitfield: 1 << 20}}
	for len(b) > 0 {
		m, n, err := parser.Next(b)
		if err != nil || n == 0 {
			t.Fatalf("after %d messages: %v", len(list), err)
		}
		list = append(list, m)
		b = b[n:]
	}
	return list
}
