package swarm

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// TestPortsAreTold: two that have a DHT node each hear of the other's, unless the object is private, and the node is heard
// of where its owner is.
func TestPortsAreTold(t *testing.T) {
	public := makeThing(t, metainfo.FormatHybrid, block, 3*block)
	private := func(_ *Config, c *Content) {
		info := *c.Info
		info.Private = true
		c.Info = &info
	}
	nothing := func(*Config, *Content) {}
	for _, tt := range []struct {
		name         string
		change       func(*Config, *Content)
		seed, leech  uint16 // ports
		speaks       bool   // what the seed says in its handshakes
		heard, known bool   // by the leech, by the seed
	}{
		{"both", nothing, 6001, 6002, true, true, true},
		{"one has none", nothing, 6001, 0, true, false, false},
		{"neither has one", nothing, 0, 0, false, false, false},
		{"private", private, 6001, 6002, false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, public)
			with := func(port uint16) func(*Config, *Content) { return func(c *Config, _ *Content) { c.DHTPort = port } }
			s, l := w.seed(tt.change, with(tt.seed)), w.leech(tt.change, with(tt.leech))
			if got := s.swarm.SpeaksDHT(); got != tt.speaks {
				t.Errorf("speaks of the DHT: %v", got)
			}
			for _, n := range []*node{s, l} {
				if n.swarm.SpeaksDHT() {
					n.features = append(n.features, wire.FeatureDHT)
				}
			}
			w.mustConnect(l, s)
			w.until(time.Minute, l.done)
			check := func(who, of *node, port uint16, heard bool) {
				t.Helper()
				var want []netip.AddrPort
				if heard {
					want = []netip.AddrPort{netip.AddrPortFrom(of.addr.Addr(), port)}
				}
				if !slices.Equal(who.facts.Nodes, want) {
					t.Errorf("%v heard of %v, want %v", who.addr, who.facts.Nodes, want)
				}
			}
			check(l, s, tt.seed, tt.heard)
			check(s, l, tt.leech, tt.known)
		})
	}
}

// TestPortsWhileResolving: who knows the link alone says nothing of its node before it knows that the object is not private,
// and is told of others': they may be its way in.
func TestPortsWhileResolving(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, block, 3*block))
	s := w.add(nil, func(c *Config, _ *Content) { c.DHTPort = 6001 }).swarm
	j := stranger(1)
	j.Remote.Reserved = wire.MakeReserved(wire.FeatureDHT, wire.FeatureFast)
	id, err := s.Join(w.now, j)
	if err != nil {
		t.Fatal(err)
	}
	tell(t, s, w.now, id, wire.Message{Type: wire.Port, Index: 7000})
	if got := s.TakeFacts().Nodes; len(got) != 1 || got[0].Port() != 7000 || got[0].Addr() != j.Addr.Addr() {
		t.Errorf("heard of %v", got)
	}
	var box Outbox
	if err := s.Outbound(w.now, id, &box, block); err != nil {
		t.Fatal(err)
	}
	if told(t, box.Frames, wire.Port) {
		t.Error("told while it may be private")
	}
	x := w.thing
	s.Open(w.now, Content{Info: x.info, Layout: x.layout, Hashes: torrent.NewHashes(x.info, x.layout, nil), Verified: x.pieces()})
	if err := s.Outbound(w.now, id, &box, block); err != nil {
		t.Fatal(err)
	}
	if !told(t, box.Frames, wire.Port) {
		t.Error("not told")
	}
}

// told reports whether frames have a message of a type.
func told(t *testing.T, frames []byte, kind wire.Type) bool {
	t.Helper()
	var p wire.Parser
	for len(frames) > 0 {
		m, n, err := p.Next(frames)
		if err != nil || n == 0 {
			t.Fatalf("frames %.100x: %d, %v", frames, n, err)
		}
		if m.Type == kind {
			return true
		}
		frames = frames[n:]
	}
	return false
}

// TestPortsMove: who joins after a router has given us another port is told that one.
func TestPortsMove(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, block, 3*block))
	s := w.seed(func(c *Config, _ *Content) { c.DHTPort = 6001 }).swarm
	for n, port := range []uint16{9001, 9002} {
		s.SetPorts(port, port)
		j := stranger(byte(n + 1))
		j.Remote.Reserved = wire.MakeReserved(wire.FeatureDHT, wire.FeatureExtended, wire.FeatureFast)
		id, err := s.Join(w.now, j)
		if err != nil {
			t.Fatal(err)
		}
		var box Outbox
		if err := s.Outbound(w.now, id, &box, block); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("1:pi%de", port); !bytes.Contains(box.Frames, []byte(want)) || !bytes.Contains(box.Frames, wire.AppendPort(nil, port)) {
			t.Errorf("%d is not told in %q", port, box.Frames)
		}
	}
}
