package swarm

import (
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

var formats = []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2, metainfo.FormatHybrid}

// smallThing has files that end within blocks and pieces, and one of many pieces.
func smallThing(t testing.TB, format metainfo.Format) *thing {
	return makeThing(t, format, 4*block, 3*block+5, 9*block, 0, 7, 33*block+1)
}

func TestFetch(t *testing.T) {
	for _, format := range formats {
		for _, tt := range []struct {
			name string
			old  bool // the seeds speak BEP 3 alone
			link bool // the link is known only
		}{{"torrent", false, false}, {"link", false, true}, {"old seeds", true, false}} {
			if tt.old && format == metainfo.FormatV2 {
				continue // without piece layers there is nothing to verify with
			}
			t.Run(format.String()+" "+tt.name, func(t *testing.T) {
				w := newWorld(t, smallThing(t, format))
				a, b := w.seed(), w.seed()
				if tt.old {
					a.features, b.features = nil, nil
				}
				n := w.add(nil)
				if !tt.link {
					w.nodes = w.nodes[:2]
					n = w.leech(noLayers)
				}
				w.mustConnect(n, a, b)
				w.until(20*time.Second, n.done)
				n.right()
				if !n.facts.Complete || (n.facts.Metadata != nil) != tt.link || len(n.facts.Accused) > 0 {
					t.Errorf("%+v", n.facts)
				}
				if format == metainfo.FormatV2 && !n.facts.Layers {
					t.Error("nobody was told of the piece layers")
				}
				if s := n.swarm.Snapshot(w.now); s.WastedBytes != 0 || s.DownBytes < s.WantedBytes {
					t.Errorf("%+v", s)
				}
				if s := a.swarm.Snapshot(w.now); s.UpBytes == 0 {
					t.Errorf("%+v", s)
				}
				// All good clients part when both sides are complete.
				w.until(5*time.Second, func() bool { return n.peers() == 0 && a.peers() == 0 && b.peers() == 0 })
			})
		}
	}
}

// TestTwoHalves: two that have a half each serve each other, and tell of each piece as they get it.
func TestTwoHalves(t *testing.T) {
	x := smallThing(t, metainfo.FormatHybrid)
	w := newWorld(t, x)
	even, odd := x.pieces(), x.pieces()
	for i := range x.layout.Pieces() {
		if i%2 == 0 {
			even.Set(i)
		} else {
			odd.Set(i)
		}
	}
	a, b, c := w.add(&even), w.add(&odd), w.leech()
	w.mustConnect(a, b)
	w.mustConnect(c, a) // gets b's half by way of a
	w.until(20*time.Second, func() bool { return a.done() && b.done() && c.done() })
	for _, n := range w.nodes {
		n.right()
	}
}

func TestPriorities(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	w := newWorld(t, x)
	a := w.seed()
	n := w.leech(func(cfg *Config, c *Content) {
		cfg.Sequential = true
		c.Priority = func(i int) scheduler.Priority {
			if i%3 == 0 {
				return scheduler.None
			}
			return scheduler.Normal
		}
	})
	w.mustConnect(n, a)
	w.until(20*time.Second, n.done)
	have := n.swarm.Have()
	for i := range x.layout.Pieces() {
		if have.Has(i) != (i%3 != 0) {
			t.Errorf("piece %d: %v", i, have.Has(i))
		}
	}
	if s := n.swarm.Snapshot(w.now); s.VerifiedBytes != s.WantedBytes || s.PiecesHave == s.Pieces {
		t.Errorf("%+v", s)
	}
	if p := n.swarm.Peers(w.now); len(p) != 1 || p[0].Have != 1 || p[0].Client != "test 1" || !p[0].Outgoing || p[0].Down == 0 {
		t.Errorf("%+v", p)
	}
	left := int64(0)
	for i := range x.layout.Pieces() {
		if i%3 == 0 {
			left += int64(x.layout.Need(i))
		}
	}
	if s := n.swarm.Snapshot(w.now); s.LeftBytes != left {
		t.Errorf("%d bytes left, want %d", s.LeftBytes, left)
	}
	// It wants nothing more, and the seed never did: the connection is of no use.
	w.step(time.Second)
	if p := n.swarm.Peers(w.now); len(p) != 0 || w.links[0].dead != gate.ErrUseless {
		t.Errorf("%+v, %v", p, w.links[0].dead)
	}
}

// TestChoked: who is choked gets what is allowed fast, once, and nothing else until it is unchoked.
func TestChoked(t *testing.T) {
	x := makeThing(t, metainfo.FormatV1, block, 100*block)
	w := newWorld(t, x)
	a, n := w.seed(), w.leech()
	a.choking = true
	w.mustConnect(n, a)
	w.until(20*time.Second, func() bool { h := n.swarm.Have(); return h.Count() == fastPieces })
	got := n.swarm.Have()
	want := bittorrent.AllowedFastSet(fastPieces, 100, x.info.Hash.Wire()[0], n.addr.Addr())
	slices.Sort(want)
	if list := slices.Collect(got.All()); !slices.Equal(list, want) {
		t.Errorf("got %v, want %v", list, want)
	}
	for range 100 {
		w.step(100 * time.Millisecond)
	}
	if h := n.swarm.Have(); h.Count() != fastPieces {
		t.Errorf("%d pieces while choked", h.Count())
	}

	// Asking for one again is not served: that would be a way around the choke.
	p := a.swarm.list[0]
	again := bittorrent.Block{Piece: want[0], Length: block}
	a.swarm.requested(w.now, p, again)
	if p.conv.Queued() != 0 {
		t.Error("an allowed piece is served again")
	}
	a.choking = false
	w.until(20*time.Second, n.done)
	n.right()
}

// TestAllowedFastIsBounded: ten pieces of 16 MiB each would be a present.
func TestAllowedFastIsBounded(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 8<<20, 33<<20))
	a, n := w.seed(), w.leech()
	a.choking = true
	w.mustConnect(n, a)
	if got := len(a.swarm.list[0].conv.TakeOut(w.now, nil)); got == 0 || a.swarm.list[0].fastLeft > fastBytes {
		t.Errorf("%d bytes to be had while choked", a.swarm.list[0].fastLeft)
	}
}

// rejecting makes a node reject what it is asked for, while so.
func rejecting(n *node, so func(b bittorrent.Block) bool) {
	var queue []byte
	n.tamper = func(b bittorrent.Block, _ []byte) bool {
		if so(b) {
			queue = wire.AppendReject(queue, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
			return false
		}
		return true
	}
	n.mangle = func(_ wire.Message, raw []byte) []byte {
		raw = append(queue, raw...)
		queue = nil
		return raw
	}
}

// TestRejects: a seed that rejects for a while is not lost for the pieces it rejected.
func TestRejects(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	a, n := w.seed(), w.leech()
	until := w.now.Add(20 * time.Second)
	rejecting(a, func(b bittorrent.Block) bool { return b.Piece%2 == 1 && w.now.Before(until) })
	w.mustConnect(n, a)
	for range 100 {
		w.step(100 * time.Millisecond)
		// Something to say, so that the rejects are on their way too.
		a.swarm.list[0].conv.SetInterested(!a.swarm.list[0].conv.AmInterested())
	}
	if h := n.swarm.Have(); h.Count() != (h.Len()+1)/2 {
		t.Errorf("%d pieces beside the rejected ones", h.Count())
	}
	w.until(3*refusedFor, func() bool {
		if len(a.swarm.list) > 0 {
			a.swarm.list[0].conv.SetInterested(!a.swarm.list[0].conv.AmInterested())
		}
		return n.done()
	})
	n.right()
}

// TestRejectsBeforeChoke: some clients reject first and choke then.
func TestRejectsBeforeChoke(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	a, n := w.seed(), w.leech()
	a.tamper = func(bittorrent.Block, []byte) bool { return false }
	l, err := w.connect(n, a)
	if err != nil {
		t.Fatal(err)
	}
	w.until(time.Second, func() bool { return n.swarm.list[0].conv.Pending() > 0 })
	id := l.ends[0].id
	p := n.swarm.peers[id]
	var msgs []wire.Message
	for p.conv.Pending() > len(msgs) {
		r := n.swarm.sched.AppendOutstanding(nil, id)[len(msgs)]
		begin, length := w.thing.layout.Block(r.Unit, r.Block)
		msgs = append(msgs, wire.Message{Type: wire.Reject, Index: uint32(r.Unit), Begin: uint32(begin), Length: uint32(length)})
	}
	msgs = append(msgs, wire.Message{Type: wire.Choke})
	if _, err := n.swarm.Receive(w.now, id, msgs, nil); err != nil {
		t.Fatal(err)
	}
	if len(p.refused) > 0 || !n.swarm.sched.Interesting(id) {
		t.Error("what was rejected for the choke is held against the peer")
	}
	if _, err := n.swarm.Receive(w.now, id, []wire.Message{{Type: wire.Unchoke}}, nil); err != nil {
		t.Fatal(err)
	}
	if p.conv.Pending() == 0 {
		t.Error("nothing is asked for after the unchoke")
	}
}

// TestRejectsEverything: who rejects piece after piece is of no use.
func TestRejectsEverything(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, block, 2*maxRefused*block))
	a, n := w.seed(), w.leech()
	rejecting(a, func(bittorrent.Block) bool { return true })
	w.mustConnect(n, a)
	w.until(time.Minute, func() bool {
		if len(a.swarm.list) > 0 {
			a.swarm.list[0].conv.SetInterested(!a.swarm.list[0].conv.AmInterested())
		}
		return n.peers() == 0
	})
}

// TestLeavesInTheMiddle: what a peer that goes away was asked for is asked elsewhere.
func TestLeavesInTheMiddle(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatHybrid))
	a, b, n := w.seed(), w.seed(), w.leech()
	a.rate, b.rate = 2*block, 2*block
	l, err := w.connect(n, a)
	if err != nil {
		t.Fatal(err)
	}
	w.mustConnect(n, b)
	w.until(5*time.Second, func() bool { return l.ends[1].sent > 5 })
	w.close(l, 1, errGone)
	w.until(20*time.Second, n.done)
	n.right()
	// Landed of a peer that has left does nothing.
	if got := n.swarm.Landed(w.now, l.ends[0].id, []Arrival{{Block: bittorrent.Block{Length: block}, Wanted: true}}, nil); len(got) > 0 {
		t.Errorf("%v", got)
	}
	if _, err := n.swarm.Receive(w.now, l.ends[0].id, nil, nil); err == nil {
		t.Error("one that left is heard")
	}
	n.swarm.Leave(w.now, l.ends[0].id, nil)
}

// TestEndgame: the last blocks are not left to the slowest, and what came twice is cancelled.
func TestEndgame(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 8*block, 64*block))
	slow, fast, n := w.seed(), w.seed(), w.leech()
	slow.rate, fast.rate = block/50, 8*block // 16 KiB, and 6.5 MiB, a second
	cancels := 0
	n.mangle = func(m wire.Message, raw []byte) []byte {
		if m.Type == wire.Cancel {
			cancels++
		}
		return raw
	}
	w.mustConnect(n, slow, fast)
	w.until(8*time.Second, n.done)
	n.right()
	if cancels == 0 {
		t.Error("nothing was cancelled")
	}
}

// TestSnubbed: a peer that goes silent loses its requests to others, and is taken up again when it recovers.
func TestSnubbed(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 200*block))
	a, n := w.seed(), w.leech()
	until := w.now.Add(15 * time.Second)
	a.rate = 8 * block
	silent := false
	a.tamper = func(bittorrent.Block, []byte) bool {
		silent = silent || n.swarm.have.Count() > 3
		return !silent || w.now.After(until)
	}
	w.mustConnect(n, a)
	w.until(time.Minute, n.done)
	n.right()
	if w.now.Before(until) {
		t.Error("it was never silent")
	}
}

func TestDontHave(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	w := newWorld(t, x)
	n := w.leech()
	id := join(t, n.swarm, w.now, 9)
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.HaveAll})
	before := n.swarm.sched.Availability(3)
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Extended, Payload: []byte{2, 0, 0, 0, 3}})
	if p := n.swarm.peers[id]; p.have.Has(3) || n.swarm.sched.Availability(3) != before-1 {
		t.Error("the piece is still there")
	}
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Have, Index: 3})
	if n.swarm.sched.Availability(3) != before {
		t.Error("the piece has not come back")
	}
}

func TestUnwritten(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	a, n := w.seed(), w.leech()
	w.mustConnect(n, a)
	lost := false
	a.tamper = func(b bittorrent.Block, _ []byte) bool {
		if have := n.swarm.Have(); !lost && have.Count() > 2 {
			for i := range have.All() {
				before := n.swarm.Snapshot(w.now).VerifiedBytes
				n.swarm.Unwritten(i)
				if after := n.swarm.Snapshot(w.now).VerifiedBytes; after != before-int64(w.thing.layout.Need(i)) {
					t.Errorf("verified bytes went from %d to %d", before, after)
				}
				break
			}
			lost = true
		}
		return true
	}
	w.until(20*time.Second, n.done)
	n.right()
	if !lost {
		t.Error("nothing was taken back")
	}

	// A complete piece that could not be written is wanted again, though it was never verified.
	n = w.leech()
	id := join(t, n.swarm, w.now, 8)
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.HaveAll}, wire.Message{Type: wire.Unchoke})
	for _, r := range n.swarm.sched.AppendOutstanding(nil, id) {
		begin, length := w.thing.layout.Block(r.Unit, r.Block)
		m := wire.Message{Type: wire.Piece, Index: uint32(r.Unit), Begin: uint32(begin), Length: uint32(length)}
		got, err := n.swarm.Receive(w.now, id, []wire.Message{m}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range n.swarm.Landed(w.now, id, got, nil) {
			units, left := n.swarm.sched.Remaining()
			n.swarm.Unwritten(piece)
			if u, l := n.swarm.sched.Remaining(); u != units || l != left+w.thing.layout.Blocks(piece) {
				t.Errorf("piece %d: from %d, %d to %d, %d", piece, units, left, u, l)
			}
			return
		}
	}
	t.Error("no piece was complete")
}

// join takes a made-up peer in that speaks everything.
func join(t testing.TB, s *Swarm, now time.Time, k byte) PeerID {
	t.Helper()
	id, err := s.Join(now, stranger(k))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// tell gives the swarm messages of a peer that must be right.
func tell(t testing.TB, s *Swarm, now time.Time, id PeerID, msgs ...wire.Message) {
	t.Helper()
	if _, err := s.Receive(now, id, msgs, nil); err != nil {
		t.Fatal(err)
	}
}
