package choker

import (
	"math/rand/v2"
	"testing"
	"time"
)

// simNode is a node in a swarm of one object: its pieces, its uplink and its choker.
type simNode struct {
	choker   *Choker
	uplink   float64 // bytes per second
	have     []bool
	count    int
	fetching []bool
	left     []float64 // of each piece, kept when a transfer is cut short
	links    []simLink // to every other node: what we send it
}

// simLink is the upload from one node to another.
type simLink struct {
	unchoked    bool
	piece       int // on its way; -1: none
	rate        float64
	lastUnchoke time.Time
	since       int64
}

// simSwarm moves bytes in small steps of virtual time: every uplink is shared evenly by those it serves.
type simSwarm struct {
	rng    *rand.Rand
	nodes  []*simNode
	copies []int
	size   float64 // of a piece
}

const simStep = 20 * time.Millisecond

func newSimSwarm(seed uint64, pieces, pieceSize, leechers int, seedUp, leechUp float64) *simSwarm {
	m := &simSwarm{rng: rand.New(rand.NewPCG(seed, 2)), copies: make([]int, pieces), size: float64(pieceSize)}
	for i := range leechers + 1 {
		n := &simNode{
			choker: New(Config{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}), uplink: leechUp,
			have: make([]bool, pieces), fetching: make([]bool, pieces), left: make([]float64, pieces), links: make([]simLink, leechers+1),
		}
		for j := range n.links {
			n.links[j].piece = -1
		}
		for p := range n.left {
			n.left[p] = m.size
		}
		if i == 0 {
			n.uplink, n.count = seedUp, pieces
			for p := range n.have {
				n.have[p] = true
			}
		}
		m.nodes = append(m.nodes, n)
	}
	return m
}

// missing is the rarest piece that a has and b lacks and is not fetching; -1 if there is none.
func (m *simSwarm) missing(a, b *simNode) int {
	best, ties := -1, 0
	for p := range a.have {
		if !a.have[p] || b.have[p] || b.fetching[p] {
			continue
		}
		switch {
		case best < 0 || m.copies[p] < m.copies[best]:
			best, ties = p, 1
		case m.copies[p] == m.copies[best]:
			if ties++; m.rng.IntN(ties) == 0 {
				best = p
			}
		}
	}
	return best
}

func (m *simSwarm) choke(now time.Time, i int) {
	n := m.nodes[i]
	var peers []Peer
	for j, other := range m.nodes {
		if j == i {
			continue
		}
		l := &n.links[j]
		peers = append(peers, Peer{
			ID: uint64(j), Interested: l.piece >= 0 || m.missing(n, other) >= 0, Unchoked: l.unchoked,
			Seeding: n.count == len(n.have), DownRate: other.links[i].rate, UpRate: l.rate, Connected: t0,
			LastUnchoke: l.lastUnchoke, UploadedSinceUnchoke: l.since, Need: 1 - float64(other.count)/float64(len(other.have)),
		})
	}
	var set Set
	if !now.Before(n.choker.Next()) {
		set = n.choker.Run(now, peers)
	} else {
		set = n.choker.Grant(now, peers)
	}
	for j := range n.links {
		l := &n.links[j]
		on := set.Has(0, uint64(j))
		if on && !l.unchoked {
			l.lastUnchoke, l.since = now, 0
		}
		if !on && l.piece >= 0 {
			m.nodes[j].fetching[l.piece] = false
			l.piece = -1
		}
		l.unchoked = on
	}
}

func (m *simSwarm) move(i int) {
	n := m.nodes[i]
	busy := 0
	for j := range n.links {
		l := &n.links[j]
		if l.unchoked && l.piece < 0 && n.uplink > 0 {
			if l.piece = m.missing(n, m.nodes[j]); l.piece >= 0 {
				m.nodes[j].fetching[l.piece] = true
			}
		}
		if l.piece >= 0 {
			busy++
		}
	}
	for j := range n.links {
		l := &n.links[j]
		sent := 0.0
		if l.piece >= 0 {
			sent = n.uplink * simStep.Seconds() / float64(busy)
			l.since += int64(sent)
			to := m.nodes[j]
			if to.left[l.piece] -= sent; to.left[l.piece] <= 0 {
				m.landed(to, l.piece)
				l.piece = -1
			}
		}
		l.rate += (sent/simStep.Seconds() - l.rate) * simStep.Seconds() / 3
	}
}

func (m *simSwarm) landed(to *simNode, piece int) {
	to.have[piece], to.fetching[piece] = true, false
	m.copies[piece]++
	to.count++
}

// run goes on until so many nodes are done, and returns how long it took.
func (m *simSwarm) run(t *testing.T, limit time.Duration, until int) time.Duration {
	t.Helper()
	for now := t0; now.Sub(t0) < limit; now = now.Add(simStep) {
		done := 0
		for i, n := range m.nodes {
			m.choke(now, i)
			m.move(i)
			if n.count == len(n.have) {
				done++
			}
		}
		if done >= until {
			return now.Sub(t0)
		}
	}
	t.Fatalf("not done after %v", limit)
	return 0
}

// One seed and some leechers as fast as it: the object should leave the seed little more than once. (The last
// pieces leave it several times, since nobody knows what others are fetching: the more leechers, the more of them.)
func TestSimOneSeed(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		name     string
		pieces   int
		size     int
		leechers int
		up       float64
		bound    float64 // times size/uplink
	}{
		{"8 leechers", 300, mib, 8, 20 * mib, 1.10},
		{"20 leechers", 300, mib / 2, 20, 20 * mib, 1.35},
		{"8 leechers, slow", 300, mib / 8, 8, 1 * mib, 1.10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(2) {
				m := newSimSwarm(seed, tt.pieces, tt.size, tt.leechers, tt.up, tt.up)
				ideal := time.Duration(float64(tt.pieces) * float64(tt.size) / tt.up * float64(time.Second))
				took := m.run(t, 10*ideal, tt.leechers+1)
				if ratio := took.Seconds() / ideal.Seconds(); ratio > tt.bound {
					t.Errorf("seed %d: took %.2f times the ideal %v, want at most %.2f", seed, ratio, ideal, tt.bound)
				}
			}
		})
	}
}

// Among peers who have half of the object each and no seed, who gives nothing gets little.
func TestSimFreeRider(t *testing.T) {
	const mib = 1 << 20
	m := newSimSwarm(1, 100, mib, 20, 0, mib)
	for p := range m.copies {
		for i, k := range m.rng.Perm(20) {
			if i < 10 {
				m.landed(m.nodes[k+1], p)
			}
		}
	}
	rider := m.nodes[20]
	rider.uplink = 0
	before := rider.count
	m.run(t, time.Hour, 2) // the seed, which serves nobody, and the first of the others
	got, honest := rider.count-before, 0
	for _, n := range m.nodes[1:20] {
		honest += n.count
	}
	if honest = honest/19 - 50; got > honest/2 {
		t.Errorf("the free rider got %d pieces, those who give %d on average", got, honest)
	} else {
		t.Logf("the free rider got %d pieces, those who give %d on average", got, honest)
	}
}
