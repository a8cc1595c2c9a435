package swarm

import (
	"io"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// FuzzSwarm has two peers say anything in any order to a swarm in any state; each part of the input is a byte that says who
// speaks or what we do, and a message.
func FuzzSwarm(f *testing.F) {
	x := makeThing(f, metainfo.FormatHybrid, 2*block, 7*block+3, 100)
	var talk []byte
	for _, frame := range [][]byte{
		wire.AppendExtHandshake(nil, wire.ExtHandshake{M: map[string]uint8{wire.ExtMetadata: 2}, MetadataSize: len(x.info.Raw), Port: 9, Run: wire.MaxRun}),
		wire.AppendHaveAll(nil), wire.AppendUnchoke(nil), wire.AppendInterested(nil), wire.AppendRequest(nil, 0, 0, block),
		wire.AppendRequest(nil, 0, 0, 2*block), wire.AppendCancel(nil, 0, 0, 2*block), wire.AppendReject(nil, 0, 0, 2*block), wire.AppendSuggest(nil, 3),
		append(wire.AppendPieceHeader(nil, 4, 0, 100), make([]byte, 100)...), wire.AppendReject(nil, 1, 0, block),
		wire.AppendHave(nil, 2), wire.AppendAllowedFast(nil, 1), wire.AppendDontHave(nil, 2, 1), wire.AppendChoke(nil),
	} {
		for who := range byte(2) {
			talk = append(append(talk, who), frame...)
		}
		talk = append(talk, 10, 12)
	}
	for r := range torrent.NewHashes(x.info, x.layout, nil).Missing() {
		talk = append(append(talk, 0), wire.AppendHashRequest(nil, wireRequest(r))...)
		talk = append(append(talk, 1), wire.AppendHashReject(nil, wireRequest(r))...)
	}
	for state := range byte(4) {
		f.Add(append([]byte{state}, talk...))
	}
	f.Add([]byte{0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 3, 11, 4})
	f.Fuzz(func(t *testing.T, in []byte) {
		w := newWorld(t, x)
		var n *node
		state := 0
		if len(in) > 0 {
			state, in = int(in[0])%4, in[1:]
		}
		switch state {
		case 0:
			n = w.add(nil)
		case 1:
			n = w.leech(noLayers)
		case 2:
			some := x.pieces(0, 3)
			n = w.add(&some)
		case 3:
			n = w.seed()
		}
		fuzzSwarm(w, n, in)
		if state != 0 {
			n.invariants()
		}
	})
}

func fuzzSwarm(w *world, n *node, in []byte) {
	s := n.swarm
	ends := [2]*end{{node: n}, {node: n}}
	for len(in) > 0 {
		op := in[0]
		in = in[1:]
		e := ends[op&1]
		if s.peers[e.id] == nil {
			e.id, _ = s.Join(w.now, stranger(op&1+1))
			e.in = nil
		}
		switch op & 15 {
		case 2, 3:
			s.Leave(w.now, e.id, io.EOF)
		case 4:
			s.Stop(Paused, nil)
		case 5:
			s.Resume(w.now)
		case 6, 7:
			w.now = w.now.Add(time.Duration(op) * 100 * time.Millisecond)
			s.Tick(w.now, e.id)
		case 8, 9:
			s.Grant(w.now, func(id PeerID) bool { return id == e.id })
		case 10, 11:
			if s.Outbound(w.now, e.id, &e.box, 4*block) == nil {
				for _, work := range e.box.Leaves {
					s.AnswerHashes(e.id, work, make([]metainfo.HashV2, 2))
				}
			}
		case 12:
			s.Beat(w.now)
			if addr, _, ok := s.NextDial(w.now); ok {
				s.DialFailed(w.now, addr)
			}
		case 13:
			n.takeFacts()
		default:
			// As much as one message of any kind that is whole.
			var p wire.Parser
			m, k, err := p.Next(in)
			if err != nil || k == 0 {
				return
			}
			if m.Type == wire.Piece {
				if len(in) < k+int(m.Length) {
					return
				}
				k += int(m.Length)
			}
			if err := n.receive(e, in[:k]); err != nil {
				s.Leave(w.now, e.id, err)
			}
			in = in[k:]
		}
	}
}

// invariants holds for a swarm with content at any time.
func (n *node) invariants() {
	s := n.swarm.Snapshot(n.w.now)
	var verified int64
	have := n.swarm.Have()
	for i := range have.All() {
		verified += int64(n.w.thing.layout.Need(i))
	}
	switch {
	case s.VerifiedBytes != verified || verified > s.WantedBytes:
		n.w.t.Fatalf("%d verified, counted %d of %d", s.VerifiedBytes, verified, s.WantedBytes)
	case len(n.swarm.peers) != len(n.swarm.list):
		n.w.t.Fatalf("%d peers, %d in the list", len(n.swarm.peers), len(n.swarm.list))
	}
	for _, p := range n.swarm.list {
		asked := n.swarm.sched.Outstanding(p.id)
		if p.Kicked == nil && asked > p.conv.Pending() {
			n.w.t.Fatalf("the scheduler waits for %d blocks of a peer that was asked for %d", asked, p.conv.Pending())
		}
	}
}
