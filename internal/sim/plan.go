package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Plan is what a swarm is like and what befalls it.
type Plan struct {
	Seed        uint64
	Format      metainfo.Format
	PieceLength int64
	Sizes       []int64 // of the files; one is a lone file
	// Delays between two nodes are drawn between these, one way.
	MinDelay, MaxDelay time.Duration
	// Breaks is how long a connection lasts in the mean; 0: none breaks.
	Breaks time.Duration
	// Silent is the share of broken connections of which neither end is told.
	Silent float64
	// Copies is how much the first seeder uploads before it leaves for good; 0: it stays.
	Copies float64
	Nodes  []NodePlan
	// Bound is the virtual time by which all who stay must be done.
	Bound time.Duration
}

// NodePlan is what one node is like.
type NodePlan struct {
	Seeder    bool
	Super     bool  // a seeder that gives each peer another part while nobody else has all (BEP 16)
	Up, Down  int64 // bytes per second
	Slots     int
	MaxPeers  int
	Reachable bool // others can dial it
	Joins     time.Duration
	Magnet    bool    // it starts with the info-hash alone
	Runs      bool    // it has several blocks travel in one frame
	InOrder   bool    // it asks for pieces in order
	Lies      float64 // share of the blocks that it sends wrong; 0: it is honest
	Forges    bool    // a liar that sends wrong hashes and metadata too
	Budget    int64   // memory for pieces, in bytes
	Outages   []Outage
	Space     int64 // bytes until the disk is full; 0: it never is
	BadSync   int   // which of its syncs fails; 0: none
}

// Outage is a time during which a node is away.
type Outage struct {
	At    time.Duration
	Away  time.Duration // 0: it never comes back
	How   How
	Point Point // for crashes: where in the keeping of its books it is hit
}

// How says in which way a node goes.
type How string

// The ways to go.
const (
	Leave How = "leave" // it is told to end, and puts its things in order
	Kill  How = "kill"  // kill -9: the disk keeps what was written, the sockets are closed
	Power How = "power" // power loss: of what was not synced anything may be gone, and nobody is told
)

// Point is a moment in the work of making things durable.
type Point int

// The points.
const (
	Anywhere   Point = iota
	AfterSync        // bytes are on the disk, the catalog does not know
	AfterNote        // the catalog knows, the file has not its final name
	AfterNamed       // the file has its name, the catalog does not know
	points
)

func (n NodePlan) liar() bool { return n.Lies > 0 }

// stays reports whether the node is there in the end.
func (n NodePlan) stays() bool {
	return !slices.ContainsFunc(n.Outages, func(o Outage) bool { return o.Away == 0 })
}

// mustFinish reports whether the swarm owes the node the object.
func (n NodePlan) mustFinish() bool { return !n.Seeder && !n.liar() && n.stays() }

func (p Plan) size() (sum int64) {
	for _, s := range p.Sizes {
		sum += s
	}
	return sum
}

func (p Plan) liars() (count int) {
	for _, n := range p.Nodes {
		if n.liar() {
			count++
		}
	}
	return count
}

// String describes the plan in a line.
func (p Plan) String() string {
	var b strings.Builder
	nat, crashes, outages := 0, 0, 0
	for _, n := range p.Nodes {
		if !n.Reachable {
			nat++
		}
		for _, o := range n.Outages {
			outages++
			if o.How != Leave {
				crashes++
			}
		}
	}
	fmt.Fprintf(&b, "%d nodes (%d liars, %d behind NAT), %s, %d files, %d bytes in pieces of %d, %d outages (%d crashes)",
		len(p.Nodes), p.liars(), nat, p.Format, len(p.Sizes), p.size(), p.PieceLength, outages, crashes)
	if p.Copies > 0 {
		fmt.Fprintf(&b, ", the seeder leaves after %.1f copies", p.Copies)
	}
	return b.String()
}

const maxNodes = 50

// work bounds nodes times bytes, so that every run takes less than a second.
const work = 48 << 20

// NewPlan draws a plan from a seed.
func NewPlan(seed uint64) Plan {
	rng := generator(seed, 0)
	p := Plan{
		Seed:     seed,
		Format:   []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2, metainfo.FormatHybrid}[rng.IntN(3)],
		MinDelay: time.Duration(1+rng.IntN(30)) * time.Millisecond,
		MaxDelay: time.Duration(40+rng.IntN(200)) * time.Millisecond,
	}
	nodes := int(between(rng, 3, maxNodes))
	p.drawObject(rng, nodes)
	if rng.IntN(3) > 0 {
		p.Breaks = time.Duration(between(rng, 15, 900)) * time.Second
		p.Silent = rng.Float64() * 0.6
	}
	if rng.IntN(3) == 0 {
		p.Copies = 1.3
	}
	nat, lies, magnets := rng.Float64()*0.6, 0.0, rng.Float64()
	if rng.IntN(3) > 0 {
		lies = rng.Float64() * 0.3
	}
	for i := range nodes {
		n := drawNode(rng, p, nat, magnets)
		switch {
		case i == 0:
			n.Seeder, n.Reachable, n.Magnet, n.Joins = true, true, false, 0
		case i == 1: // somebody who stays and whom all can dial
			n.Reachable = true
		case rng.Float64() < lies:
			n.Lies = min(1, 0.02+rng.Float64()*rng.Float64())
			n.Seeder = rng.IntN(2) == 0
			n.Forges = rng.IntN(2) == 0
		case i > 4 && rng.IntN(12) == 0:
			n.Seeder = true
		}
		n.Magnet = n.Magnet && !n.Seeder
		if !n.Seeder {
			drawTroubles(rng, &n, p, i)
		}
		p.Nodes = append(p.Nodes, n)
	}
	dealer := generator(seed, 2) // later than the rest: those plans stay what they were
	for i := range p.Nodes {
		p.Nodes[i].Runs = dealer.IntN(2) == 0
	}
	if victim := rng.IntN(nodes); rng.IntN(2) == 0 && !p.Nodes[victim].Seeder {
		p.Nodes[victim].Space = 1 + rng.Int64N(p.size())
	}
	p.Bound = p.bound()
	return p
}

// between draws a number from lo to hi, small ones more often: each doubling is as likely.
func between(rng *rand.Rand, lo, hi float64) float64 {
	return math.Round(lo * math.Pow(hi/lo, rng.Float64()))
}

func (p *Plan) drawObject(rng *rand.Rand, nodes int) {
	size := int64(between(rng, 300<<10, min(16<<20, float64(work/nodes))))
	p.PieceLength = int64(16<<10) << rng.IntN(5)
	for size/p.PieceLength > int64(max(24, 2000/nodes)) {
		p.PieceLength *= 2 // every piece is announced to everyone
	}
	if p.Format == metainfo.FormatV1 && rng.IntN(3) == 0 {
		p.PieceLength += rng.Int64N(9000) // v1 allows any
	}
	files := 1
	if rng.IntN(2) == 0 {
		files = 1 + rng.IntN(12)
	}
	for i := range files {
		s := size
		if i < files-1 {
			s = rng.Int64N(size + 1)
		}
		size -= s
		p.Sizes = append(p.Sizes, s)
	}
	rng.Shuffle(files, func(i, j int) { p.Sizes[i], p.Sizes[j] = p.Sizes[j], p.Sizes[i] })
}

func drawNode(rng *rand.Rand, p Plan, nat, magnets float64) NodePlan {
	n := NodePlan{
		Up:        int64(between(rng, 60<<10, 2<<20)),
		Slots:     2 + rng.IntN(8),
		MaxPeers:  10 + rng.IntN(40),
		Reachable: rng.Float64() >= nat,
		Joins:     time.Duration(rng.Int64N(int64(40 * time.Second))),
		Magnet:    rng.Float64() < magnets,
		InOrder:   rng.IntN(8) == 0,
		Budget:    32 << 20,
	}
	n.Down = n.Up * int64(1+rng.IntN(8))
	if rng.IntN(4) == 0 {
		n.Budget = p.PieceLength * int64(rng.IntN(4)) // most pieces go through the unfinished file
	}
	return n
}

// drawTroubles decides what befalls a node that fetches.
func drawTroubles(rng *rand.Rand, n *NodePlan, p Plan, i int) {
	alone := p.size() * 8 / n.Down // seconds that it would take, if a slow swarm served it alone
	at := n.Joins
	for rng.IntN(3) == 0 && len(n.Outages) < 3 {
		at += time.Second + time.Duration(rng.Int64N(int64(time.Second)*max(5, 4*alone)))
		o := Outage{At: at, Away: time.Duration(1+rng.IntN(60)) * time.Second}
		o.How = []How{Leave, Kill, Power, Power}[rng.IntN(4)]
		if o.How != Leave {
			o.Point = Point(rng.IntN(int(points)))
		}
		if i > 2 && rng.IntN(5) == 0 {
			o.Away = 0
		}
		n.Outages = append(n.Outages, o)
		if o.Away == 0 {
			break
		}
		at += o.Away
	}
	if rng.IntN(10) == 0 {
		n.BadSync = 1 + rng.IntN(4)
	}
}

// bound is generous: a multiple of what the narrowest place of the swarm needs, and of all waits.
func (p *Plan) bound() time.Duration {
	var up, owed int64
	slowest := p.Nodes[0].Up
	var last time.Duration
	for _, n := range p.Nodes {
		if !n.liar() && n.stays() {
			up += n.Up
		}
		if n.mustFinish() {
			owed += p.size()
			slowest = min(slowest, n.Down)
		}
		last = max(last, n.Joins)
		for _, o := range n.Outages {
			last = max(last, o.At+o.Away)
		}
	}
	need := max(p.size()/slowest, owed/up, p.size()/p.Nodes[0].Up)
	return last + 5*time.Minute + 10*time.Duration(need)*time.Second
}
