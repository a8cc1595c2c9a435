// Package dht simulates a whole DHT in one goroutine, in virtual time, from one seed. The honest nodes are the cores of
// internal/protocol/dht as they are; what a real one takes from the network and the system is played: addresses that lie
// in the networks of providers, distances, lost datagrams, nodes that vanish. The hostile ones are played as badly as they
// can be: they know of each other and of everybody, and speak the same protocol.
//
//	Plan        what the network is like, and what is tried in it   (sim.go)
//	world       the clock, the events and the trace                 (world.go)
//	places      addresses, and how far they are from each other     (places.go)
//	honest      a node as it is                                     (honest.go)
//	gang        hostile hosts, and what they answer                 (hostile.go, identities.go)
//	population  who joins, vanishes and besieges when               (population.go)
//	trial       something is announced or put, and looked for       (trial.go)
//
// Invariant: the same plan gives the same run, datagram by datagram. Nothing here starts a goroutine, asks a clock or walks a
// map where order matters; Result.Trace is a hash over everything that arrived, in order.
package dht

import (
	"fmt"
	"slices"
	"time"
)

// Plan is what a network is like, and what is tried in it.
type Plan struct {
	Seed    uint64
	Nodes   int     // hosts, honest and not
	Hostile float64 // share of them
	IDs     int     // under how many IDs each hostile host is known
	Sybils  int     // further hosts around each key that is looked for, nearer to it than anybody
	LookUps int
	Loss    float64 // share of datagrams
	Gone    float64 // share of the honest nodes that vanish before the look-ups
	Behind  float64 // share of the honest nodes that are behind a NAT, which lets in only answers
	// ReadOnly has these say so (BEP 43), as they do once they have found out.
	ReadOnly bool
}

// withDefaults is the plan with the losses of the Internet, and hostile hosts that show one ID each, where it does not say.
func (p Plan) withDefaults() Plan {
	if p.IDs == 0 {
		p.IDs = 1
	}
	if p.Loss == 0 {
		p.Loss = 0.01
	}
	if p.Gone == 0 {
		p.Gone = 0.05
	}
	return p
}

func (p Plan) String() string {
	return fmt.Sprintf("seed %d: %d nodes, %.0f%% hostile under %d IDs each, %d Sybils", p.Seed, p.Nodes, 100*p.Hostile, p.IDs, p.Sybils)
}

// Result is what became of the look-ups.
type Result struct {
	Plan    Plan
	Trace   [32]byte // a hash over all that arrived
	Events  int
	LookUps int
	Right   int // they found what was to be found, and took nothing else for it
	// Messages is how many queries a look-up sends in the mean.
	Messages float64
	// First and Ended are how long it takes, in the median, until what is right is there, and until nobody is left to ask.
	First, Ended time.Duration
}

// Share is how many of a hundred look-ups were right.
func (r Result) Share() float64 { return 100 * float64(r.Right) / float64(max(1, r.LookUps)) }

// Run plays a plan to its end.
func Run(p Plan) Result {
	p = p.withDefaults()
	w := newWorld(p)
	w.populate()
	trials := w.tryAll()
	r := Result{Plan: p, Events: w.count, LookUps: len(trials)}
	w.trace.Sum(r.Trace[:0])
	var first, ended []time.Duration
	sent := 0
	for _, t := range trials {
		if t.right() {
			r.Right++
			first = append(first, t.first)
		}
		ended = append(ended, t.ended)
		sent += t.sent
	}
	r.Messages = float64(sent) / float64(max(1, len(trials)))
	r.First, r.Ended = median(first), median(ended)
	return r
}

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2]
}
