package swarm

import (
	"errors"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// served is a seed of three pieces, of eight blocks each, with one peer that is unchoked and takes runs of a length.
func served(t *testing.T, run int) (*world, *Swarm, PeerID) {
	t.Helper()
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 8*block, 20*block))
	s := w.seed().swarm
	id := join(t, s, w.now, 1)
	tell(t, s, w.now, id, hello(wire.ExtHandshake{Run: run}), wire.Message{Type: wire.Interested})
	s.Grant(w.now, func(PeerID) bool { return true })
	return w, s, id
}

func asks(what wire.Type, piece, begin, length int) wire.Message {
	return wire.Message{Type: what, Index: uint32(piece), Begin: uint32(begin), Length: uint32(length)}
}

// TestRunsAreBlocks: what is asked for as one is queued, refused and taken back by blocks.
func TestRunsAreBlocks(t *testing.T) {
	w, s, id := served(t, wire.MaxRun)
	conv := s.peers[id].conv
	tell(t, s, w.now, id, asks(wire.Request, 0, 0, 8*block))
	if conv.Queued() != 8 {
		t.Errorf("%d blocks queued", conv.Queued())
	}
	tell(t, s, w.now, id, asks(wire.Cancel, 0, 2*block, 2*block), asks(wire.Cancel, 0, 7*block, block))
	if conv.Queued() != 5 {
		t.Errorf("%d blocks left of eight, three of which were taken back", conv.Queued())
	}
	// The last piece has four blocks: those behind its end are refused, and no others.
	tell(t, s, w.now, id, asks(wire.Request, 2, 0, 8*block))
	if conv.Queued() != 9 {
		t.Errorf("%d blocks queued, want four more", conv.Queued())
	}
	var box Outbox
	if err := s.Outbound(w.now, id, &box, 0); err != nil {
		t.Fatal(err)
	}
	rejects := 0
	for rest := box.Frames; len(rest) > 0; {
		var p wire.Parser
		m, n, err := p.Next(rest)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if rest = rest[n:]; m.Type == wire.Reject {
			rejects++
		}
	}
	if rejects != 3+4 {
		t.Errorf("%d rejects, want three that answer cancels and four for what is not there", rejects)
	}
}

// TestHostileRuns: nothing that is asked for takes memory, but for requests within bounds.
func TestHostileRuns(t *testing.T) {
	for name, tt := range map[string]struct {
		run int          // that the peer told of
		ask wire.Message // a request
		end bool         // whether asking once ends it
	}{
		"a megabyte":                   {wire.MaxRun, asks(wire.Request, 0, 0, 1<<20), true},
		"a megabyte, as it takes":      {1 << 20, asks(wire.Request, 0, 0, 1<<20), true},
		"all that has a name":          {1<<31 - 1, asks(wire.Request, 0, 0, 1<<32-1), true},
		"a run it has not told of":     {0, asks(wire.Request, 0, 0, wire.MaxRun), true},
		"a run of another piece's end": {wire.MaxRun, asks(wire.Request, 2, 4*block, wire.MaxRun), false},
		"a run beyond all names":       {wire.MaxRun, asks(wire.Request, 0, 1<<32-1, wire.MaxRun), false},
		"a run of a piece that is not": {wire.MaxRun, asks(wire.Request, 9, 0, wire.MaxRun), true},
		"the longest one":              {wire.MaxRun, asks(wire.Request, 0, 0, wire.MaxRun), false},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, id := served(t, tt.run)
			var blame wire.ProtocolError
			_, err := s.Receive(w.now, id, []wire.Message{tt.ask}, nil)
			if errors.As(err, &blame) != tt.end {
				t.Fatalf("once: %v", err)
			}
			// Ten thousand of them, of one that does not take what it is told.
			batch := make([]wire.Message, 100)
			for i := range batch {
				batch[i] = tt.ask
			}
			for range 100 {
				_, err = s.Receive(w.now, id, batch, nil)
				conv := s.peers[id].conv
				if conv.Queued() > reqq || conv.Backlog() > 2*maxBacklog {
					t.Fatalf("%d queued, %d bytes of frames", conv.Queued(), conv.Backlog())
				}
				if err != nil {
					return
				}
			}
		})
	}
}

// TestRunsInTheSwarm: a run and single blocks, between those who know runs and those who do not.
func TestRunsInTheSwarm(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 32*block, 4<<20))
	plain := func(c *Config, _ *Content) { c.LargeRequests = false }
	seed, old := w.seed(), w.leech(plain)
	young := w.leech()
	w.mustConnect(old, seed)
	w.mustConnect(young, seed, old)
	longest := map[*node]int{}
	w.until(time.Minute, func() bool {
		for _, l := range w.links {
			for i, e := range l.ends {
				to := l.ends[1-i].node
				for _, b := range e.box.Uploads {
					longest[to] = max(longest[to], b.Length)
				}
			}
		}
		return old.done() && young.done()
	})
	old.right()
	young.right()
	if longest[old] != block || longest[young] <= block {
		t.Errorf("the longest that was sent: %d to one that knows no runs, %d to one that does", longest[old], longest[young])
	}
}
