package swarm

import (
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/swarm/resolve"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// longThing has an info dictionary of several metadata pieces, and no bytes: nobody fetches it.
func longThing(t testing.TB) *thing {
	t.Helper()
	const pieces = 4000
	draft := metainfo.Draft{
		Name: "long", Format: metainfo.FormatV1, PieceLength: block, V1Pieces: make([]byte, 20*pieces),
		Files: []metainfo.DraftFile{{Components: []string{"long"}, Size: pieces * block}},
	}
	info, err := metainfo.ParseInfo(draft.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Raw) < 4*wire.MetadataBlock {
		t.Fatalf("the info dictionary has %d bytes", len(info.Raw))
	}
	return &thing{info: info, layout: torrent.New(info)}
}

// metadata changes the metadata messages that a node sends; nil sends none.
func metadata(n *node, change func(m *wire.MetadataMessage) bool) {
	n.mangle = func(m wire.Message, raw []byte) []byte {
		if m.Type != wire.Extended || m.Payload[0] == wire.ExtHandshakeID {
			return raw
		}
		msg, err := wire.ParseMetadata(m.Payload[1:])
		if err != nil || msg.Kind != wire.MetadataData {
			return raw
		}
		if !change(&msg) {
			return nil
		}
		return wire.AppendMetadata(nil, m.Payload[0], msg)
	}
}

// resolved reports whether the node has the metadata.
func (n *node) resolved() bool { return n.facts.Metadata != nil }

func TestMetadataLiars(t *testing.T) {
	x := longThing(t)
	for _, tt := range []struct {
		name string
		lie  func(m *wire.MetadataMessage) bool
	}{
		{"other bytes", func(m *wire.MetadataMessage) bool { m.Data = slices.Clone(m.Data); m.Data[9]++; return true }},
		{"a short piece", func(m *wire.MetadataMessage) bool { m.Data = m.Data[:len(m.Data)-1]; return true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, x)
			n := w.add(nil)
			var liars []*node
			for range 4 {
				liar := w.seed()
				metadata(liar, tt.lie)
				liars = append(liars, liar)
			}
			w.mustConnect(n, liars...)
			w.until(10*time.Second, func() bool { return n.peers() == 0 })
			if n.resolved() {
				t.Fatal("wrong metadata is believed")
			}
			if _, err := w.connect(n, liars[0]); err == nil {
				t.Error("a liar is taken again")
			}
			w.mustConnect(n, w.seed())
			w.until(10*time.Second, n.resolved)
		})
	}
}

// TestMetadataSilence: peers that promise the metadata and do not send it hold up nothing for long.
func TestMetadataSilence(t *testing.T) {
	for _, tt := range []struct {
		name   string
		within time.Duration
		send   func(w *world) func(m *wire.MetadataMessage) bool
	}{
		{"silent", 25 * time.Second, func(*world) func(*wire.MetadataMessage) bool {
			return func(*wire.MetadataMessage) bool { return false }
		}},
		{"reject", 5 * time.Second, func(*world) func(*wire.MetadataMessage) bool {
			return func(m *wire.MetadataMessage) bool {
				*m = wire.MetadataMessage{Kind: wire.MetadataReject, Piece: m.Piece}
				return true
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, longThing(t))
			n := w.add(nil)
			for range 5 {
				a := w.seed()
				metadata(a, tt.send(w))
				w.mustConnect(n, a)
			}
			w.step(time.Second)
			w.mustConnect(n, w.seed())
			w.until(2*tt.within, n.resolved)
			if n.peers() != 6 {
				t.Errorf("%d peers left: nobody had lied", n.peers())
			}
		})
	}
}

// TestMetadataDropByDrop: a peer that always sends the next piece just in time is given up as well.
func TestMetadataDropByDrop(t *testing.T) {
	w := newWorld(t, longThing(t))
	n := w.add(nil)
	for range resolve.Attempts {
		a := w.seed()
		last := w.now
		metadata(a, func(*wire.MetadataMessage) bool { return false })
		drop := a.mangle
		next := 0
		a.mangle = func(m wire.Message, raw []byte) []byte {
			out := drop(m, raw)
			if out == nil && w.now.Sub(last) > 10*time.Second {
				last = w.now
				next++
				return raw
			}
			return out
		}
		w.mustConnect(n, a)
	}
	w.step(time.Second)
	w.mustConnect(n, w.seed())
	w.until(2*resolve.Turn, n.resolved)
}

// TestMetadataLate: a slow but honest peer whose answers come after our patience is neither banned nor useless.
func TestMetadataLate(t *testing.T) {
	w := newWorld(t, longThing(t))
	n, a := w.add(nil), w.seed()
	var held []byte
	until := w.now.Add(resolve.Patience + 8*time.Second)
	a.mangle = func(m wire.Message, raw []byte) []byte {
		if m.Type == wire.Extended && m.Payload[0] != wire.ExtHandshakeID && w.now.Before(until) {
			held = append(held, raw...)
			return nil
		}
		return raw
	}
	l, err := w.connect(n, a)
	if err != nil {
		t.Fatal(err)
	}
	for w.now.Before(until) {
		w.step(100 * time.Millisecond)
	}
	if err := n.receive(l.ends[0], held); err != nil {
		t.Fatal(err)
	}
	w.until(30*time.Second, n.resolved)
	if n.peers() != 1 {
		t.Error("the slow peer was sent away")
	}
}

// TestMetadataIsHandedOn: two that resolve, of which one gets the metadata: it tells the other that it has it.
func TestMetadataIsHandedOn(t *testing.T) {
	x := smallThing(t, metainfo.FormatHybrid)
	w := newWorld(t, x)
	seed, a, b := w.seed(), w.add(nil), w.add(nil)
	w.mustConnect(a, b)
	w.step(time.Second)
	w.mustConnect(a, seed)
	w.until(20*time.Second, func() bool { return a.done() && b.done() })
	b.right()
}

func TestServeMetadata(t *testing.T) {
	w := newWorld(t, longThing(t))
	n := w.seed()
	id := join(t, n.swarm, w.now, 1)
	ask := func(piece int) wire.MetadataMessage {
		var box Outbox
		if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil {
			t.Fatal(err)
		}
		body := wire.AppendMetadata(nil, 1, wire.MetadataMessage{Kind: wire.MetadataRequest, Piece: piece})[5:]
		tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Extended, Payload: body})
		if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil {
			t.Fatal(err)
		}
		var p wire.Parser
		m, _, err := p.Next(box.Frames)
		if err != nil || m.Payload[0] != 7 {
			t.Fatalf("%+v, %v", m, err)
		}
		msg, err := wire.ParseMetadata(m.Payload[1:])
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{M: map[string]uint8{wire.ExtMetadata: 7}}))
	raw := w.thing.info.Raw
	last := (len(raw) - 1) / wire.MetadataBlock
	for _, piece := range []int{0, last} {
		m := ask(piece)
		from := piece * wire.MetadataBlock
		if m.Kind != wire.MetadataData || m.TotalSize != len(raw) || string(m.Data) != string(raw[from:min(len(raw), from+wire.MetadataBlock)]) {
			t.Errorf("piece %d: kind %v, %d bytes of %d", piece, m.Kind, len(m.Data), m.TotalSize)
		}
	}
	for _, piece := range []int{last + 1, 100_000} {
		if m := ask(piece); m.Kind != wire.MetadataReject || m.Piece != piece {
			t.Errorf("piece %d: %+v", piece, m)
		}
	}
}
