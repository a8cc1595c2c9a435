package swarm

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/swarm/resolve"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// layered has several files with piece layers, one of them of more than one run of hashes.
func layered(t testing.TB) *thing {
	return makeThing(t, metainfo.FormatV2, block, 600*block, 3*block, 5*block+1, 9)
}

// hashes changes the hashes that a node sends; nil sends none.
func hashes(n *node, change func(m wire.Message) []byte) {
	n.mangle = func(m wire.Message, raw []byte) []byte {
		if m.Type != wire.Hashes {
			return raw
		}
		return change(m)
	}
}

// TestLayersFromManyPeers: whoever rejects, lies or stays silent, the piece layers come from the one who has them.
func TestLayersFromManyPeers(t *testing.T) {
	reject := func(m wire.Message) []byte { return wire.AppendHashReject(nil, m.Hash) }
	silent := func(wire.Message) []byte { return nil }
	lie := func(m wire.Message) []byte {
		list := make([][32]byte, len(m.Payload)/wire.HashSize)
		for i := range list {
			list[i] = [32]byte(m.Payload[i*wire.HashSize:])
			list[i][7]++
		}
		return wire.AppendHashes(nil, m.Hash, list)
	}
	for _, tt := range []struct {
		name   string
		bad    func(m wire.Message) []byte
		within time.Duration
		stays  bool
	}{
		{"reject", reject, 5 * time.Second, true},
		{"silent", silent, 5 * resolve.HashPatience, true},
		{"lie", lie, 5 * time.Second, false},
	} {
		for bad := range 4 {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, layered(t))
				n := w.leech(noLayers)
				var others []*node
				for range bad {
					a := w.seed()
					hashes(a, tt.bad)
					others = append(others, a)
				}
				good := w.seed()
				w.mustConnect(n, append(others, good)...)
				w.until(tt.within, func() bool { return n.facts.Layers })
				for _, a := range others {
					if tt.stays && a.peers() != 1 {
						t.Error("one that did not lie was sent away")
					}
					if !tt.stays && a.peers() == 1 && n.peers() > 1 {
						// It may not have been asked.
						continue
					}
					if _, err := w.connect(n, a); !tt.stays && err == nil {
						t.Error("one that lied is taken again")
					}
				}
				if bad == 3 {
					w.until(20*time.Second, n.done)
					n.right()
				}
			})
		}
	}
}

// TestOnlySourceOfLayersRecovers: the only peer that has the layers rejects at first.
func TestOnlySourceOfLayersRecovers(t *testing.T) {
	w := newWorld(t, layered(t))
	n, a := w.leech(noLayers), w.seed()
	until := w.now.Add(10 * time.Second)
	hashes(a, func(m wire.Message) []byte {
		if w.now.Before(until) {
			return wire.AppendHashReject(nil, m.Hash)
		}
		list := make([][32]byte, len(m.Payload)/wire.HashSize)
		for i := range list {
			list[i] = [32]byte(m.Payload[i*wire.HashSize:])
		}
		return wire.AppendHashes(nil, m.Hash, list)
	})
	w.mustConnect(n, a)
	w.until(2*resolve.HashRetry, n.done)
	n.right()
}

// TestAskedPeerLeaves: what it was asked for is asked of another one at once.
func TestAskedPeerLeaves(t *testing.T) {
	w := newWorld(t, layered(t))
	n, a, b := w.leech(noLayers), w.seed(), w.seed()
	hashes(a, func(wire.Message) []byte { return nil })
	l, err := w.connect(n, a)
	if err != nil {
		t.Fatal(err)
	}
	w.step(time.Second)
	w.mustConnect(n, b)
	w.step(time.Second)
	w.close(l, 1, errGone)
	w.until(time.Second, func() bool { return n.facts.Layers })
}

// TestServeLeaves: hashes below the pieces are made anew from the pieces, a few at a time.
func TestServeLeaves(t *testing.T) {
	x := makeThing(t, metainfo.FormatV2, 8*block, 30*block)
	w := newWorld(t, x)
	n := w.seed()
	id := join(t, n.swarm, w.now, 1)
	leaf := torrent.NewHashes(x.info, x.layout, x.layers)
	var asks []wire.Message
	for i := range 3 {
		r, ok := leaf.LeafRequest(i)
		if !ok {
			t.Fatal("no request")
		}
		asks = append(asks, wire.Message{Type: wire.HashRequested, Hash: wireRequest(r)})
	}
	// Twice each is more than is taken on at once.
	tell(t, n.swarm, w.now, id, append(asks, asks...)...)
	var box Outbox
	count := map[wire.Type]int{}
	for range 3 {
		if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil {
			t.Fatal(err)
		}
		var p wire.Parser
		for rest := box.Frames; len(rest) > 0; {
			m, k, err := p.Next(rest)
			if err != nil || k == 0 {
				t.Fatal(k, err)
			}
			rest = rest[k:]
			if count[m.Type]++; m.Type != wire.Hashes {
				continue
			}
			list := make([]metainfo.HashV2, len(m.Payload)/wire.HashSize)
			for i := range list {
				list[i] = metainfo.HashV2(m.Payload[i*wire.HashSize:])
			}
			if err := leaf.Add(hashRequest(m.Hash), list); err != nil {
				t.Error(err)
			}
		}
		for _, work := range box.Leaves {
			var leaves []metainfo.HashV2
			for p := work.First; p < work.End; p++ {
				leaves = torrent.AppendLeafHashes(leaves, n.bytes[p][:x.layout.Need(p)])
			}
			n.swarm.AnswerHashes(id, work, leaves)
		}
	}
	if count[wire.Hashes] != maxLeafWork || count[wire.HashReject] != len(asks)*2-maxLeafWork {
		t.Errorf("%v", count)
	}
	// The file has changed meanwhile: what we would send proves nothing.
	n.swarm.AnswerHashes(id, LeafWork{hashRequest(asks[0].Hash), 0, 1}, make([]metainfo.HashV2, 8))
	if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil || box.Frames[4] != byte(wire.HashReject) {
		t.Errorf("%.20x, %v", box.Frames, err)
	}
	n.swarm.AnswerHashes(99, LeafWork{}, nil) // has left
	// Hashes of pieces that we do not have cannot be made.
	some := x.pieces(1)
	n = w.add(&some)
	id = join(t, n.swarm, w.now, 1)
	n.swarm.Outbound(w.now, id, &box, 0)
	tell(t, n.swarm, w.now, id, asks...)
	if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil || len(box.Leaves) != 1 {
		t.Errorf("%+v, %v", box.Leaves, err)
	}
}
