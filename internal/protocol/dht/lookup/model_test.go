package lookup

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// model is a network for look-ups: who knows whom, without messages or time.
type model struct {
	rng     *rand.Rand
	nodes   []krpc.Node          // honest and not
	tables  map[krpc.Node][]int  // of the honest
	hostile map[krpc.Node]answer // what the others say; nil: nothing
}

type answer func(target krpc.ID) []krpc.Node

func newModel(seed uint64, honest int) *model {
	m := &model{rng: rand.New(rand.NewPCG(seed, 1)), tables: map[krpc.Node][]int{}, hostile: map[krpc.Node]answer{}}
	for range honest {
		m.nodes = append(m.nodes, m.node())
	}
	return m
}

// node makes a node somewhere on the Internet.
func (m *model) node() krpc.Node {
	ip := netip.AddrFrom4([4]byte{byte(11 + m.rng.IntN(100)), byte(m.rng.Uint32()), byte(m.rng.Uint32()), byte(m.rng.Uint32())})
	return krpc.Node{ID: guard.NewID(ip, m.rng), Addr: netip.AddrPortFrom(ip, 6881)}
}

// meet fills the tables of the honest: up to 8 nodes for each number of leading bits shared.
func (m *model) meet() {
	slices.SortFunc(m.nodes, func(a, b krpc.Node) int { return a.ID.Compare(b.ID) })
	for i, n := range m.nodes {
		if _, hostile := m.hostile[n]; hostile {
			continue
		}
		lo, hi := 0, len(m.nodes)
		for bit := 0; hi-lo > 1 && bit < 64; bit++ {
			mid, _ := slices.BinarySearchFunc(m.nodes[lo:hi], 1, func(o krpc.Node, _ int) int {
				return int(binary.BigEndian.Uint64(o.ID[:8])>>(63-bit)&1)*2 - 1
			})
			mid += lo
			from, to := lo, mid
			if i < mid {
				from, to, hi = mid, hi, mid
			} else {
				lo = mid
			}
			for _, j := range m.rng.Perm(to - from)[:min(8, to-from)] {
				m.tables[n] = append(m.tables[n], from+j)
			}
		}
	}
}

func (m *model) nearest(target krpc.ID, from []krpc.Node, n int) []krpc.Node {
	sorted := slices.SortedFunc(slices.Values(from), func(a, b krpc.Node) int { return krpc.Closer(target, a.ID, b.ID) })
	return sorted[:min(n, len(sorted))]
}

// honest are the nodes that do as they should.
func (m *model) honest() []krpc.Node {
	return slices.DeleteFunc(slices.Clone(m.nodes), func(n krpc.Node) bool { _, hostile := m.hostile[n]; return hostile })
}

// corrupt makes every so many of the nodes hostile: they name each other and nobody else.
func (m *model) corrupt(every int) (gang []krpc.Node) {
	for i, n := range m.nodes {
		if i%every == 0 {
			gang = append(gang, n)
			m.hostile[n] = func(target krpc.ID) []krpc.Node { return m.nearest(target, gang, 8) }
		}
	}
	return gang
}

// ask is what a node answers, false for nothing.
func (m *model) ask(n krpc.Node, target krpc.ID) ([]krpc.Node, bool) {
	if lie, hostile := m.hostile[n]; hostile {
		if lie == nil {
			return nil, false
		}
		return lie(target), true
	}
	table, exists := m.tables[n]
	var known []krpc.Node
	for _, i := range table {
		known = append(known, m.nodes[i])
	}
	return m.nearest(target, known, 8), exists
}

// lookup begins a look-up by an honest node.
func (m *model) lookup(target krpc.ID, opt Options) *Lookup {
	honest := m.honest()
	by := honest[m.rng.IntN(len(honest))]
	seeds, _ := m.ask(by, target)
	opt.Self, opt.Rand = by.ID, m.rng
	return New(target, opt, seeds)
}

// run plays a look-up to its end and returns who was asked, in order.
func (m *model) run(l *Lookup) (asked []krpc.Node) {
	now := time.Unix(0, 0)
	for {
		ask, done := l.Next(now)
		if done {
			return asked
		}
		asked = append(asked, ask...)
		for _, n := range ask {
			if nodes, ok := m.ask(n, l.target); ok {
				l.Answered(now, n, nodes)
			} else {
				l.Failed(now, n)
			}
		}
	}
}

// nearID is an ID as near to a target as BEP 42 allows an address, which says what the first 21 bits are; the last three are a
// matter of luck.
func (m *model) nearID(target krpc.ID, ip netip.Addr) krpc.ID {
	const bound = 0xfffff800
	id, valid := target, guard.NewID(ip, m.rng)
	id[krpc.IDSize-1] = id[krpc.IDSize-1]&^7 | valid[krpc.IDSize-1]&7
	binary.BigEndian.PutUint32(id[:], binary.BigEndian.Uint32(valid[:])&bound|binary.BigEndian.Uint32(id[:])&^bound)
	return id
}

// surround adds hostile nodes with valid IDs nearer to a target than anybody else, who name each other.
func (m *model) surround(target krpc.ID, count int) (sybils []krpc.Node) {
	for len(sybils) < count {
		n := m.node()
		if n.ID = m.nearID(target, n.Addr.Addr()); farness(target, n.ID) < 1<<52 { // 1 of 4,096
			sybils = append(sybils, n)
		}
	}
	for _, n := range sybils {
		m.hostile[n] = func(target krpc.ID) []krpc.Node { return m.nearest(target, sybils, 8) }
	}
	return sybils
}

// hear has every honest node know a few of some nodes.
func (m *model) hear(of []krpc.Node) {
	first := len(m.nodes)
	m.nodes = append(m.nodes, of...)
	for _, n := range m.nodes[:first] {
		if table, honest := m.tables[n]; honest {
			for range 4 {
				table = append(table, first+m.rng.IntN(len(of)))
			}
			m.tables[n] = table
		}
	}
}

// forget undoes hear, if it was the last.
func (m *model) forget(nodes []krpc.Node) {
	m.nodes = m.nodes[:len(m.nodes)-len(nodes)]
	for n, table := range m.tables {
		m.tables[n] = table[:len(table)-4]
	}
	for _, n := range nodes {
		delete(m.hostile, n)
	}
}
