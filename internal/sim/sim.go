// Package sim runs a whole swarm in one goroutine, in virtual time, from one seed. A node here is what a real one is made
// of below its sockets: the swarm's decisions, the choker, the intake, the store on a disk in memory. What a real node
// takes from the network and the system is played: links that delay, narrow and break, machines that crash and come back
// with what their disk kept, peers that lie, disks that fill up, routers that let nobody in, a tracker.
//
//	Plan       what the swarm is like, drawn from the seed           (plan.go, object.go)
//	world      the clock, the events and the trace                   (world.go)
//	link, flow bytes between two nodes; encoded, parsed, stored      (link.go, flow.go)
//	node       a machine, and the runs of potluck on it              (node.go, run.go, body.go, durable.go)
//	judge      what must never happen, and what must in the end      (judge.go)
//
// Invariant: the same plan gives the same run, byte by byte. Nothing here starts a goroutine, asks a clock or walks a map
// where order matters; Result.Trace is a hash over everything that happened, in order.
package sim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// Options say how to watch a run.
type Options struct {
	// Log, if set, is told in words what happens.
	Log io.Writer
}

// Result is what became of a swarm.
type Result struct {
	Plan   Plan
	Trace  [32]byte      // a hash over all that happened
	Took   time.Duration // virtual time
	Events int
	// Sums over the nodes that had to finish.
	Wasted, Down int64
	Crashes      int
	Named        int // liars who were found out by somebody
}

// Run plays a plan to its end. The error says which promise was broken, by whom and when.
func Run(p Plan, opt Options) (res Result, err error) {
	w := newWorld(p, opt)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v: panic: %v\n%s", w.elapsed(), r, debug.Stack())
		}
	}()
	if err := w.populate(); err != nil {
		return Result{Plan: p}, err
	}
	w.play()
	return w.result(), w.failure
}

// generator makes an independent source of randomness for one purpose of one seed.
func generator(seed uint64, purpose int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15*uint64(purpose+1)))
}
