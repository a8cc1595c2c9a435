package swarm

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// TestBreaksOften: the one source is not given up because the line to it breaks again and again.
func TestBreaksOften(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 400*block))
	a, n := w.seed(), w.leech()
	a.rate = block / 8
	n.swarm.Found(FromTracker, a.addr)
	dials := 0
	for end := w.now.Add(30 * time.Minute); w.now.Before(end); w.step(time.Second) {
		if _, _, ok := n.swarm.NextDial(w.now); !ok {
			continue
		}
		dials++
		l, err := w.connect(n, a)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // long enough for a block or two
			w.step(100 * time.Millisecond)
		}
		w.close(l, 0, io.ErrUnexpectedEOF)
	}
	if dials < 40 {
		t.Errorf("dialled %d times in half an hour", dials)
	}
}

// TestDialsAgain: who dials us again from where it was has lost the connection that we hold for alive.
func TestDialsAgain(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	s := w.seed().swarm
	first := join(t, s, w.now, 1)
	again := stranger(1)
	again.Addr = stranger(2).Addr
	if _, err := s.Join(w.now, again); !errors.Is(err, ErrDuplicate) {
		t.Errorf("from elsewhere: %v", err)
	}
	second := join(t, s, w.now, 1)
	if _, err := s.Tick(w.now, first); !errors.Is(err, ErrDuplicate) {
		t.Errorf("the old connection: %v", err)
	}
	if _, err := s.Tick(w.now, second); err != nil {
		t.Errorf("the new connection: %v", err)
	}
}

// TestNobodyToBlame: bytes that the disk has lost are no peer's fault.
func TestNobodyToBlame(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.leech()
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
			n.swarm.Stop(Failed, io.ErrShortWrite)
			n.swarm.Checked(w.now, piece, torrent.Verdict{})
			if f := n.swarm.TakeFacts(); len(f.Accused) > 0 {
				t.Errorf("accused: %+v", f.Accused)
			}
			return
		}
	}
	t.Error("no piece was complete")
}
