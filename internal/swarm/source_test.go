package swarm

import (
	"errors"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// mirror is a source that is no peer, played by the test.
type mirror struct {
	n     *node
	id    PeerID
	wakes int
	spoil bool
}

func (n *node) mirror(name string) (*mirror, error) {
	m := &mirror{n: n}
	var err error
	m.id, err = n.swarm.JoinSource(n.w.now, JoiningSource{Name: name, Network: "web", Wake: func() { m.wakes++ }})
	return m, err
}

func (n *node) mustMirror(name string) *mirror {
	n.w.t.Helper()
	m, err := n.mirror(name)
	if err != nil {
		n.w.t.Fatal(err)
	}
	return m
}

// want asks what to fetch.
func (m *mirror) want(n int) []scheduler.Request {
	m.n.w.t.Helper()
	blocks, err := m.n.swarm.WantBlocks(m.n.w.now, m.id, nil, n, nil)
	if err != nil {
		m.n.w.t.Fatal(err)
	}
	return blocks
}

// give delivers blocks, and has the pieces checked that they complete.
func (m *mirror) give(blocks ...scheduler.Request) {
	for _, r := range blocks {
		a, wanted := m.n.swarm.Begin(m.n.w.now, m.id, r)
		if wanted {
			p := make([]byte, a.Length)
			m.n.w.thing.read(p, a.Piece, a.Begin)
			if m.spoil {
				p[0] ^= 1
			}
			m.n.place(a.Block, p)
		}
		for _, piece := range m.n.swarm.Landed(m.n.w.now, m.id, []Arrival{a}, nil) {
			m.n.check(piece)
		}
	}
	m.n.takeFacts()
}

func TestSourceAlone(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatHybrid, 4*block, 9*block+1, 70*block))
	n := w.leech()
	m := n.mustMirror("http://a/")
	for !n.done() {
		blocks := m.want(64)
		if len(blocks) == 0 {
			t.Fatal("nothing to ask for")
		}
		for i, r := range blocks[1:] {
			if last := blocks[i]; r.Unit < last.Unit || r.Unit == last.Unit && r.Block <= last.Block {
				t.Fatalf("%v before %v", last, r)
			}
		}
		m.give(blocks...)
		w.step(10 * time.Millisecond)
	}
	n.right()
	if _, err := n.swarm.WantBlocks(w.now, m.id, nil, 1, nil); !errors.Is(err, ErrNotMoving) || m.wakes == 0 {
		t.Error(err, m.wakes)
	}
	if _, err := n.mirror("http://b/"); !errors.Is(err, ErrNotMoving) {
		t.Error(err)
	}
	if p := n.swarm.Peers(w.now); len(p) != 1 || p[0].Name != "http://a/" || p[0].Down == 0 {
		t.Errorf("%+v", p)
	}
	n.swarm.LeaveSource(w.now, m.id)
	n.swarm.LeaveSource(w.now, m.id)
	if s := n.swarm.Snapshot(w.now); s.Sources != 0 || s.WastedBytes != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSourceThatGivesUp: what it was asked for, whether it has begun to come or not, is asked of others at once.
func TestSourceThatGivesUp(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 40*block))
	n := w.leech()
	a, b := n.mustMirror("http://a/"), n.mustMirror("http://b/")
	blocks := a.want(4)
	if _, wanted := n.swarm.Begin(w.now, a.id, blocks[0]); !wanted {
		t.Fatal("not wanted")
	}
	woken := b.wakes
	n.swarm.GiveUp(w.now, a.id, blocks)
	if b.wakes == woken {
		t.Error("the other was not woken")
	}
	n.swarm.LackUnits(a.id, 0, 10)
	if got := a.want(4); len(got) != 0 {
		t.Errorf("asked for %v, which it has not", got)
	}
	for !n.done() {
		b.give(b.want(4)...)
		w.step(time.Millisecond)
	}
	n.right()
}

// TestSourceThatLies is named once, whether it is still there or has left, and does not come back.
func TestSourceThatLies(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 40*block))
		n := w.leech()
		liar := n.mustMirror("http://liar/")
		liar.spoil = true
		blocks := liar.want(4)
		if leaves {
			liar.give(blocks[:3]...)
			n.swarm.LeaveSource(w.now, liar.id)
		} else {
			liar.give(blocks...)
			if _, err := n.swarm.WantBlocks(w.now, liar.id, nil, 1, nil); !errors.Is(err, ErrBanned) {
				t.Error(err)
			}
			n.swarm.LeaveSource(w.now, liar.id)
		}
		good := n.mustMirror("http://good/")
		for !n.done() {
			good.give(good.want(4)...)
			w.step(10 * time.Millisecond)
		}
		n.right()
		if got := n.accused(); len(got) != 1 || got[0] != "http://liar/" {
			t.Errorf("accused: %v", got)
		}
		n.swarm.Stop(Paused, nil)
		n.swarm.state = Fetching
		if _, err := n.mirror("http://liar/"); !errors.Is(err, ErrBanned) {
			t.Error(err)
		}
	}
}
