package choker

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The ways of one of a crowd.
type habit int

const (
	reads  habit = iota // as fast as it gets
	sips                // a little all the time
	deaf                // as much as the systems' buffers hold, and is sent away for that
	silent              // nothing, as it asks for nothing
)

// crowdPeer is one of those who want something of a node in TestSimCrowd.
type crowdPeer struct {
	Peer
	habit
	gone  time.Time // until when it is away; zero: it is there
	given []float64 // in each of the last steps
}

const (
	crowdStep   = 50 * time.Millisecond
	crowdUplink = 50 << 20
	sip         = 10 << 10  // bytes per second
	gulp        = 256 << 10 // what deaf ones take
	stuckAfter  = time.Second
	patience    = 30 * time.Second
)

// crowdNode serves a crowd in virtual time.
type crowdNode struct {
	choker *Choker
	now    time.Time
	peers  []*crowdPeer
	nextID uint64
}

func newCrowd(seed uint64, slots, most int) *crowdNode {
	return &crowdNode{choker: New(Config{Slots: slots, MaxSlots: most, Rand: rand.New(rand.NewPCG(seed, 1))}), now: t0}
}

func (n *crowdNode) join(h habit) *crowdPeer {
	n.nextID++
	p := &crowdPeer{habit: h, Peer: Peer{
		ID: n.nextID, Object: n.nextID % 4, Interested: true, Seeding: true, Need: 1, Connected: n.now,
	}}
	n.peers = append(n.peers, p)
	return p
}

// step is crowdStep of time: bytes flow, the choker is asked as the loop of a node does.
func (n *crowdNode) step() {
	n.now = n.now.Add(crowdStep)
	busy := 0
	for _, p := range n.peers {
		if p.Unchoked && p.habit == reads {
			busy++
		}
	}
	wake := false
	for _, p := range n.peers {
		var bytes float64
		held := n.now.Sub(p.LastUnchoke)
		switch {
		case !p.gone.IsZero() && n.now.After(p.gone): // it comes again, as somebody new
			n.nextID++
			p.gone, p.ID, p.LastUnchoke, p.Connected, wake = time.Time{}, n.nextID, time.Time{}, n.now, true
		case !p.Unchoked:
		case p.habit == reads:
			bytes = crowdUplink * crowdStep.Seconds() / float64(busy)
		case p.habit == sips:
			bytes = sip * crowdStep.Seconds()
		case p.habit == deaf && p.UploadedSinceUnchoke == 0:
			bytes = gulp
		case p.habit == deaf && held >= patience:
			p.gone, p.Unchoked, wake = n.now.Add(time.Second), false, true
		}
		if stalled := p.Unchoked && (p.habit == deaf && held >= stuckAfter || p.habit == silent && held >= proof); stalled != p.Stalled {
			p.Stalled = stalled
			wake = wake || stalled
		}
		p.UploadedSinceUnchoke += int64(bytes)
		p.given = append(p.given, bytes)
		p.given = p.given[max(0, len(p.given)-int(4*time.Second/crowdStep)):]
		sum := 0.0
		for _, b := range p.given {
			sum += b
		}
		p.UpRate = sum / min(4, max(0.05, held.Seconds()))
	}
	n.decide(wake)
}

func (n *crowdNode) decide(wake bool) {
	list := make([]Peer, 0, len(n.peers))
	for _, p := range n.peers {
		p.Interested = p.gone.IsZero()
		list = append(list, p.Peer)
	}
	if wake {
		n.apply(list, n.choker.Grant(n.now, list))
	}
	if !n.now.Before(n.choker.Next()) {
		n.apply(list, n.choker.Run(n.now, list))
	}
}

func (n *crowdNode) apply(list []Peer, set Set) {
	apply(n.now, list, set)
	for i, p := range n.peers {
		if p.Peer = list[i]; !p.Unchoked {
			p.Stalled = false
		}
	}
}

// A crowd asks for everything and takes little or nothing of it, and comes again when it is sent away. Whoever comes after them
// and reads is soon served.
func TestSimCrowd(t *testing.T) {
	const want = 64 << 20
	for _, tt := range []struct {
		name               string
		sips, deaf, silent int
		comesAfter, doneIn time.Duration
	}{
		{"they do not read", 0, 300, 0, 0, 20 * time.Second},
		{"they do not read, and were there long before", 0, 300, 0, time.Minute, 20 * time.Second},
		{"they ask for nothing", 0, 0, 300, 10 * time.Second, 30 * time.Second},
		{"they sip", 300, 0, 0, 10 * time.Second, 30 * time.Second},
		{"they sip, and were there long before", 300, 0, 0, 10 * time.Minute, 10 * time.Second},
		{"some of each", 100, 100, 100, 10 * time.Second, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var worst time.Duration
			for seed := range uint64(10) {
				n := newCrowd(seed, 8, 100)
				for i := range max(tt.sips, tt.deaf, tt.silent) {
					for h, many := range []int{sips: tt.sips, deaf: tt.deaf, silent: tt.silent} {
						if i < many {
							n.join(habit(h))
						}
					}
				}
				for n.now.Sub(t0) < tt.comesAfter {
					n.step()
				}
				p := n.join(reads)
				begun, got := n.now, int64(0)
				n.decide(true)
				for before := int64(0); got < want && n.now.Sub(begun) < 10*time.Minute; before = p.UploadedSinceUnchoke {
					n.step()
					if p.UploadedSinceUnchoke < before {
						before = 0
					}
					got += p.UploadedSinceUnchoke - before
				}
				worst = max(worst, n.now.Sub(begun))
			}
			t.Logf("done after %v at most", worst)
			if worst > tt.doneIn {
				t.Errorf("want %v", tt.doneIn)
			}
		})
	}
}
