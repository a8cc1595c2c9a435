package lookup

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// TestLookup: with honest nodes, a look-up ends with those nearest to its target, and asks nobody twice.
func TestLookup(t *testing.T) {
	for _, size := range []int{1, 2, 8, 50, 1000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			m := newModel(1, size+1)
			m.meet()
			for range 20 {
				l := m.lookup(m.node().ID, Options{Nodes: float64(size)})
				asked := m.run(l)
				others := slices.DeleteFunc(m.honest(), func(n krpc.Node) bool { return n.ID == l.opt.Self })
				want := m.nearest(l.target, others, 8)
				got := l.Closest()
				// Neighbours in a /24 are left out; of so few nodes hardly any are.
				if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
					t.Fatalf("ends with\n%v, not with\n%v", got, want)
				}
				if len(asked) != l.Asked() || len(unique(asked)) != len(asked) {
					t.Fatalf("%d questions, counted as %d, to %d nodes", len(asked), l.Asked(), len(unique(asked)))
				}
				if size == 1000 && len(asked) > 60 {
					t.Errorf("%d questions", len(asked))
				}
			}
		})
	}
}

// TestLookupAmongLiars: paths that share no node get past those who name each other only.
func TestLookupAmongLiars(t *testing.T) {
	for _, tt := range []struct {
		every, of int // every so many nodes is hostile
		paths     int
		least     int // look-ups of 100 that find the nearest honest node
	}{
		{every: 5, paths: 4, least: 99},
		{every: 2, paths: 4, least: 90},
	} {
		m := newModel(2, 2000)
		m.corrupt(tt.every)
		m.meet()
		found := 0
		for range 100 {
			l := m.lookup(m.node().ID, Options{Nodes: 2000, Paths: tt.paths})
			m.run(l)
			nearest := slices.MinFunc(m.honest(), func(a, b krpc.Node) int { return krpc.Closer(l.target, a.ID, b.ID) })
			if slices.Contains(l.Closest(), nearest) || nearest.ID == l.opt.Self {
				found++
			}
		}
		if found < tt.least {
			t.Errorf("every %d. hostile, %d paths: the nearest found %d times of 100", tt.every, tt.paths, found)
		}
	}
}

// TestLookupSybils: 64 nodes with valid IDs, nearer to the target than anybody, hide those that are honest from a look-up for
// the nearest, but not from one that knows how dense the network is.
func TestLookupSybils(t *testing.T) {
	for _, tt := range []struct {
		name        string
		nodes       float64
		least, most int // look-ups of 10 that end with at least 4 of the 8 nearest honest nodes
	}{
		{"the size of the network is known", 2000, 9, 10},
		{"it is not", 0, 0, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newModel(3, 2000)
			m.meet()
			found := 0
			for range 10 {
				target := m.node().ID
				sybils := m.surround(target, 64)
				m.hear(sybils)
				l := m.lookup(target, Options{Nodes: tt.nodes})
				m.run(l)
				got := l.Closest()
				reached := 0
				for _, n := range m.nearest(target, m.honest(), 8) {
					if slices.Contains(got, n) {
						reached++
					}
				}
				if reached >= 4 {
					found++
				}
				m.forget(sybils)
			}
			if found < tt.least || found > tt.most {
				t.Errorf("%d of 10, want %d to %d", found, tt.least, tt.most)
			}
		})
	}
}

// TestLookupInvalidIDs: nodes whose IDs BEP 42 forbids their addresses are asked, but fill nobody's place.
func TestLookupInvalidIDs(t *testing.T) {
	m := newModel(4, 500)
	m.meet()
	target := m.node().ID
	var near []krpc.Node
	for range 40 {
		n := m.node()
		copy(n.ID[:8], target[:8])
		near = append(near, n)
	}
	for _, n := range near {
		m.hostile[n] = func(krpc.ID) []krpc.Node { return near[m.rng.IntN(30):][:10] }
	}
	m.hear(near)
	l := m.lookup(target, Options{Nodes: 500})
	asked := m.run(l)
	strays := 0
	for _, n := range asked {
		if !guard.ValidID(n.ID, n.Addr.Addr()) {
			strays++
		}
	}
	if got := l.Closest(); !slices.Contains(got, m.nearest(target, m.honest(), 1)[0]) {
		t.Errorf("ends with %v", got)
	}
	if strays == 0 || strays > l.opt.Each*l.opt.Paths {
		t.Errorf("%d nodes with invalid IDs were asked", strays)
	}

	// Where all are such nodes they are taken.
	for i := range m.nodes {
		m.nodes[i].ID[0] ^= 0x80
	}
	clear(m.tables)
	m.meet()
	l = m.lookup(m.node().ID, Options{Nodes: 500})
	m.run(l)
	if got, want := l.Closest(), m.nearest(l.target, m.nodes, 1); !slices.Contains(got, want[0]) {
		t.Errorf("without valid IDs it ends with %v", got)
	}
}

// TestLookupInvented: who names nodes that do not exist is soon not believed any more.
func TestLookupInvented(t *testing.T) {
	m := newModel(5, 500)
	for _, n := range m.corrupt(4) {
		m.hostile[n] = func(target krpc.ID) (named []krpc.Node) {
			for range 100 {
				n := m.node()
				n.ID = m.nearID(target, n.Addr.Addr())
				named = append(named, n)
			}
			return named
		}
	}
	m.meet()
	for range 20 {
		l := m.lookup(m.node().ID, Options{Nodes: 500})
		asked := m.run(l)
		if len(asked) > 200 {
			t.Errorf("%d questions", len(asked))
		}
		if nearest := m.nearest(l.target, m.honest(), 2); !slices.Contains(l.Closest(), nearest[1]) && !slices.Contains(l.Closest(), nearest[0]) {
			t.Errorf("ends with %v", l.Closest())
		}
	}
}

// TestLookupSlow: who is slow is waited for, but holds nobody up.
func TestLookupSlow(t *testing.T) {
	m := newModel(6, 100)
	now := time.Unix(0, 0)
	l := New(m.node().ID, Options{Rand: m.rng, Paths: 1, Alpha: 2, Each: 3, Slow: time.Second}, m.nodes[:8])
	first, _ := l.Next(now)
	if again, done := l.Next(now); len(first) != 2 || len(again) != 0 || done {
		t.Fatalf("asks %d and then %d at once; done: %v", len(first), len(again), done)
	}
	if wake := l.Wake(now); !wake.Equal(now.Add(time.Second)) {
		t.Fatalf("has more to say at %v", wake)
	}
	now = l.Wake(now)
	second, done := l.Next(now)
	if len(second) != 1 || done {
		t.Fatalf("after a second it asks %v; done: %v", second, done)
	}
	for _, n := range append(first, second...) {
		l.Answered(now, n, nil)
	}
	if _, done := l.Next(now); !done || len(l.Closest()) != 3 || !l.Wake(now).IsZero() {
		t.Errorf("done: %v, with %v, wants to be asked at %v", done, l.Closest(), l.Wake(now))
	}
}

// TestLookupIsBounded: whatever is answered, and by whom.
func TestLookupIsBounded(t *testing.T) {
	m := newModel(7, 1)
	now := time.Unix(0, 0)
	me, first := m.node(), m.node()
	l := New(m.node().ID, Options{Rand: m.rng, Self: me.ID, Most: 10}, []krpc.Node{first, me})
	l.Next(now)
	var many []krpc.Node
	for range 1000 {
		many = append(many, m.node())
	}
	l.Answered(now, many[0], many[1:]) // was not asked
	other := first
	other.ID[0]++
	l.Answered(now, other, many[1:]) // is not who was asked
	l.Failed(now, other)
	if len(l.known) != 1 {
		t.Fatalf("knows %d nodes", len(l.known))
	}
	local := krpc.Node{ID: l.target, Addr: netip.MustParseAddrPort("192.168.1.1:53")}
	l.Answered(now, first, append([]krpc.Node{local, {ID: l.target}, me}, many...))
	l.Answered(now, first, many[100:]) // a second time
	if len(l.known) != 1+mostNamed-3 {
		t.Fatalf("knows %d nodes", len(l.known))
	}
	for {
		ask, done := l.Next(now)
		for _, n := range ask {
			l.Failed(now, n)
			l.Failed(now, n)
		}
		if done {
			break
		}
	}
	if l.Asked() != 10 {
		t.Errorf("asked %d", l.Asked())
	}
}

func unique(nodes []krpc.Node) map[krpc.Node]bool {
	seen := map[krpc.Node]bool{}
	for _, n := range nodes {
		seen[n] = true
	}
	return seen
}
