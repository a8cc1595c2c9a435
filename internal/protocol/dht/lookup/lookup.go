// Package lookup finds the nodes nearest to a target in the DHT: the iterative look-up of Kademlia, on several paths at once
// that share no node (S/Kademlia), ending in a sweep of the whole region around the target.
//
// What it does about hostile nodes, each in a file of its own:
//
//	path       a liar leads astray only the path that asked it; order within a path
//	region     those nearest to the target may all be Sybils: everybody within the distance where an honest network of the
//	           estimated size has Region nodes is asked, in random order
//	density    how many nodes there are, estimated from many look-ups
//	claims     one node per /24 or /64, few per wider network
//	candidate  IDs that are not valid for their address, and nodes named only by those who named nodes that do not exist,
//	           are asked last and fill nobody's place
//
// It is pure, and nothing in it is safe for concurrent use.
package lookup

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Options say how a look-up goes about it. A zero number means its default.
type Options struct {
	// K is how many nodes are wanted at the least; 8.
	K int
	// Each is how many nodes every path must have heard from, with none nearer left to ask; 5.
	Each int
	// Alpha is how many questions are under way on one path; 2. Those that are slow do not count.
	Alpha int
	// Paths is how many ways there are that share no node; 4.
	Paths int
	// Region is how many nodes the region around the target is meant to hold, all of which are asked; 20.
	Region int
	// Nodes is how many nodes the network is thought to have (Density.Nodes), which tells how wide that region is. 0 is not
	// known: then there is no region.
	Nodes float64
	// Most is how many nodes are asked in all; 256.
	Most int
	// Slow is after how long a question is waited for, but no longer holds up another; 1 s.
	Slow time.Duration
	// Self is never asked.
	Self krpc.ID
	// Rand chooses whom to ask among equals.
	Rand *rand.Rand
}

// mostNamed is how many nodes of one answer are heeded: twice what a full bucket holds.
const mostNamed = 16

// mostKnown is how many nodes a look-up keeps in mind.
const mostKnown = 4096

func (o Options) withDefaults() Options {
	o.K, o.Each, o.Alpha, o.Paths = orElse(o.K, 8), orElse(o.Each, 5), orElse(o.Alpha, 2), orElse(o.Paths, 4)
	o.Region, o.Most, o.Slow = orElse(o.Region, 20), orElse(o.Most, 256), orElse(o.Slow, time.Second)
	return o
}

func orElse[T int | time.Duration](given, otherwise T) T {
	if given == 0 {
		return otherwise
	}
	return given
}

// A Lookup finds the nodes nearest to a target. It sends nothing: Next says whom to ask, Answered and Failed tell it what
// came of that.
//
// Invariant: no node is asked twice, and at most Most are asked.
type Lookup struct {
	target krpc.ID
	opt    Options
	region region
	known  map[krpc.Node]*candidate
	paths  []*path
	claims claims
	asked  int
}

// New begins a look-up with the nodes known to be near the target, which are dealt out to the paths.
func New(target krpc.ID, opt Options, seeds []krpc.Node) *Lookup {
	opt = opt.withDefaults()
	l := &Lookup{target: target, opt: opt, region: regionOf(opt.Region, opt.Nodes), known: make(map[krpc.Node]*candidate), claims: newClaims()}
	for i := range opt.Paths {
		l.paths = append(l.paths, &path{number: i})
	}
	seeds = slices.Clone(seeds)
	slices.SortFunc(seeds, func(a, b krpc.Node) int { return krpc.Closer(target, a.ID, b.ID) })
	for i, n := range seeds {
		if c := l.know(n); c != nil {
			l.paths[i%len(l.paths)].add(target, c)
		}
	}
	return l
}

// Next says whom to ask now. done: nobody is left to ask, and nobody's answer is awaited.
func (l *Lookup) Next(now time.Time) (ask []krpc.Node, done bool) {
	waiting := false
	for progress := true; progress; { // one question for each path in turn
		progress = false
		for _, p := range l.paths {
			if l.asked >= l.opt.Most || p.busy(now, l.opt.Slow) >= l.opt.Alpha {
				continue
			}
			if c := p.next(l.opt.Each, l.opt.Rand, l.region, l.claims.free); c != nil {
				l.asked++
				l.claims.take(c)
				p.ask(c, now)
				ask = append(ask, c.node)
				progress = true
			}
		}
	}
	for _, p := range l.paths {
		waiting = waiting || len(p.waiting) > 0
	}
	return ask, !waiting
}

// Wake is when Next has more to say though nothing was heard: a question will have become slow. Zero: not before an answer.
func (l *Lookup) Wake(now time.Time) (at time.Time) {
	for _, p := range l.paths {
		for _, c := range p.waiting {
			if slow := c.since.Add(l.opt.Slow); slow.After(now) && (at.IsZero() || slow.Before(at)) {
				at = slow
			}
		}
	}
	return at
}

// Answered takes the answer of a node that was asked, with the nodes it named. Any other answer is ignored.
func (l *Lookup) Answered(now time.Time, from krpc.Node, nodes []krpc.Node) {
	c := l.known[from]
	if c == nil || c.state != waiting {
		return
	}
	p := l.paths[c.path]
	p.answered(c)
	for _, n := range nodes[:min(len(nodes), mostNamed)] {
		if !guard.Usable(n.Addr, from.Addr.Addr()) {
			continue
		}
		if named := l.know(n); named != nil && named != c {
			named.namedBy(c)
			p.add(l.target, named)
		}
	}
}

// Failed tells that a node that was asked has not answered, or not as itself, and will not.
func (l *Lookup) Failed(now time.Time, from krpc.Node) {
	if c := l.known[from]; c != nil && c.state == waiting {
		l.paths[c.path].failed(c)
		l.claims.release(c)
	}
}

// Closest are the nodes that have answered and are near enough to keep what belongs to the target, nearest first: all of the
// region, and at least K, of those with valid IDs; and of the others those that a look-up which minds no IDs ends with.
func (l *Lookup) Closest() []krpc.Node {
	var heard []*candidate
	for _, p := range l.paths {
		heard = append(heard, p.heard...)
	}
	slices.SortFunc(heard, func(a, b *candidate) int { return krpc.Closer(l.target, a.node.ID, b.node.ID) })
	var near []krpc.Node
	valid := 0
	for i, c := range heard {
		switch {
		case c.valid && (valid < l.opt.K || l.region.holds(c)):
			valid++
			near = append(near, c.node)
		case !c.valid && i < l.opt.K:
			near = append(near, c.node)
		}
	}
	return near
}

// Asked is how many nodes have been asked so far.
func (l *Lookup) Asked() int { return l.asked }

// know is what is known of a node; nil for ourselves, and for one too many.
func (l *Lookup) know(n krpc.Node) *candidate {
	if c := l.known[n]; c != nil {
		return c
	}
	if n.ID == l.opt.Self || len(l.known) >= mostKnown {
		return nil
	}
	c := &candidate{node: n, valid: guard.ValidID(n.ID, n.Addr.Addr()), far: farness(l.target, n.ID), shares: sharesOf(n.Addr)}
	l.known[n] = c
	return c
}
