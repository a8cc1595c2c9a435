package lookup

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// TestDensity: the network's size is judged by many look-ups, so that whoever surrounds a few keys changes little.
func TestDensity(t *testing.T) {
	for _, tt := range []struct {
		size, surrounded int
	}{{100, 0}, {1000, 0}, {1000, 8}} {
		m := newModel(8, tt.size)
		var d Density
		if d.Nodes() != 0 {
			t.Fatal("a size without a look-up")
		}
		for i := range mostSamples {
			target := m.node().ID
			closest := m.nearest(target, m.nodes, 20)
			if i < tt.surrounded {
				closest = m.nearest(target, m.surround(target, 20), 20)
			}
			d.Observe(target, closest)
			d.Observe(target, closest[:3]) // too few to count
		}
		if got := d.Nodes(); got < 0.6*float64(tt.size) || got > 1.1*float64(tt.size) {
			t.Errorf("%+v: taken for %.0f nodes", tt, got)
		}
	}
}

// TestRegion: a region is as wide as it must be to hold the nodes wanted.
func TestRegion(t *testing.T) {
	for _, tt := range []struct {
		want  int
		nodes float64
		limit uint64
	}{{20, 0, 0}, {20, 10, math.MaxUint64}, {16, 1 << 20, 1 << 48}} {
		if got := regionOf(tt.want, tt.nodes).limit; got != tt.limit {
			t.Errorf("%d of %.0f: %x, want %x", tt.want, tt.nodes, got, tt.limit)
		}
	}
}

// TestCandidateIsDubious: one who is named by liars only.
func TestCandidateIsDubious(t *testing.T) {
	liar, honest := &candidate{}, &candidate{}
	for range leniency {
		named := &candidate{}
		named.namedBy(liar)
		named.settle(lost)
	}
	one, both := &candidate{valid: true}, &candidate{valid: true}
	one.namedBy(liar)
	both.namedBy(liar)
	both.namedBy(honest)
	if one.dubious() {
		t.Error("tables are never without nodes that have gone")
	}
	both.settle(lost)
	first := &candidate{valid: true}
	for range mostInformants {
		first.namedBy(&candidate{broken: leniency + 1})
		first.namedBy(liar)
	}
	if !first.dubious() {
		t.Error("named by liars only, often")
	}
	if first.namedBy(honest); first.dubious() {
		t.Error("an honest node that liars named first")
	}
	if !one.dubious() || one.sound() || both.dubious() || (&candidate{}).dubious() {
		t.Errorf("liar %d:%d, honest %d:%d", liar.kept, liar.broken, honest.kept, honest.broken)
	}
	one.settle(heard)
	if !one.sound() || one.dubious() {
		t.Error("who has answered exists")
	}
}

// TestPathsShareNoNode: a path learns from its own answers only, and nobody is asked on two paths.
func TestPathsShareNoNode(t *testing.T) {
	m := newModel(9, 6)
	now := time.Unix(0, 0)
	l := New(m.node().ID, Options{Paths: 2, Alpha: 1, Rand: m.rng}, m.nodes[:2])
	ask, _ := l.Next(now)
	if len(ask) != 2 || l.known[ask[0]].path == l.known[ask[1]].path {
		t.Fatalf("asks %v", ask)
	}
	// The first names one alone, the second that one and another.
	l.Answered(now, ask[0], m.nodes[2:3])
	l.Answered(now, ask[1], m.nodes[2:4])
	ask, _ = l.Next(now)
	if len(ask) != 2 || ask[0] != m.nodes[2] || ask[1] != m.nodes[3] {
		t.Fatalf("then asks %v", ask)
	}
	l.Answered(now, ask[0], m.nodes[:4])
	l.Answered(now, ask[1], m.nodes[:4])
	if ask, done := l.Next(now); len(ask) != 0 || !done {
		t.Errorf("at last asks %v", ask)
	}
}

// TestPathSweepsInAnyOrder: of more nodes in the region than can be asked, the nearest have no privilege.
func TestPathSweepsInAnyOrder(t *testing.T) {
	first := map[int]bool{}
	for seed := range uint64(20) {
		p := &path{}
		for i := range byte(10) {
			p.add(krpc.ID{}, &candidate{node: krpc.Node{ID: krpc.ID{i}}, valid: true})
		}
		c := p.next(0, rand.New(rand.NewPCG(seed, 1)), region{math.MaxUint64}, func(*candidate) bool { return true })
		first[int(c.node.ID[0])] = true
	}
	if len(first) < 5 {
		t.Errorf("begins with %v", first)
	}
}

func times(s string, n int) (all []string) {
	for range n {
		all = append(all, s)
	}
	return all
}

func spread(format string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return all
}
