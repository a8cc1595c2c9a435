package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"math/rand/v2"
	"time"

	"github.com/potluck-p2p/potluck/internal/sim/events"
)

// world is the one clock and the one line of events that all nodes share.
type world struct {
	plan Plan
	opt  Options
	rng  *rand.Rand // of the network: delays, breaks, the tracker

	start, now time.Time
	events     events.Queue[func()]
	count      int
	trace      hash.Hash
	scratch    []byte

	object  *object
	nodes   []*node
	links   []*link // those that are open, in the order they were made
	tracker tracker
	judge   judge
	failure error
	over    bool
}

func newWorld(p Plan, opt Options) *world {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &world{plan: p, opt: opt, rng: generator(p.Seed, 1), start: start, now: start, trace: sha256.New()}
}

// populate makes the object and its nodes, and plans what befalls them.
func (w *world) populate() error {
	var err error
	if w.object, err = makeObject(w.plan); err != nil {
		return err
	}
	w.judge = newJudge(w)
	for i := range w.plan.Nodes {
		n, err := newNode(w, i)
		if err != nil {
			return err
		}
		w.nodes = append(w.nodes, n)
	}
	if w.plan.Breaks > 0 {
		w.planBreak()
	}
	w.watch()
	return nil
}

// play lets everything happen, until all who stay are done, somebody broke a promise, or time is up.
func (w *world) play() {
	for w.failure == nil && !w.over && w.events.Len() > 0 {
		at, do := w.events.Pop()
		w.now = w.start.Add(at)
		w.count++
		if w.elapsed() > w.plan.Bound {
			w.fail("not done in time: %s", w.judge.missing())
			return
		}
		do()
	}
	if w.failure == nil {
		w.judge.end()
	}
}

// watch looks once a second whether the first seeder has done its share, and whether all are done.
func (w *world) watch() {
	w.after(time.Second, func() {
		if w.plan.Copies > 0 && w.judge.seederMayGo() {
			w.nodes[0].end(Outage{How: Leave})
		}
		if w.judge.allDone() {
			w.over = true
			return
		}
		w.watch()
	})
}

func (w *world) elapsed() time.Duration { return w.now.Sub(w.start) }

func (w *world) at(t time.Time, do func()) {
	if t.Before(w.now) {
		t = w.now
	}
	w.events.Push(t.Sub(w.start), do)
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// fail ends the run: a promise is broken. The first one counts.
func (w *world) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("after %v: %s", w.elapsed(), fmt.Sprintf(format, args...))
	}
}

// note adds something that happened to the trace.
func (w *world) note(node int, what string, with []byte) {
	b := binary.BigEndian.AppendUint64(w.scratch[:0], uint64(w.elapsed()))
	b = binary.BigEndian.AppendUint32(b, uint32(node))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(with))
	b = append(b, what...)
	w.trace.Write(b)
	w.scratch = b
	if w.opt.Log != nil && with == nil {
		fmt.Fprintf(w.opt.Log, "%12v node %d %s\n", w.elapsed(), node, what)
	}
}

// notef is note for what is rare.
func (w *world) notef(node int, format string, args ...any) {
	w.note(node, fmt.Sprintf(format, args...), nil)
}

func (w *world) result() Result {
	r := Result{Plan: w.plan, Took: w.elapsed(), Events: w.count, Named: len(w.judge.named)}
	w.trace.Sum(r.Trace[:0])
	for _, n := range w.nodes {
		r.Crashes += n.crashes
		if n.plan.mustFinish() {
			r.Wasted += n.total().WastedBytes
			r.Down += n.total().DownBytes
		}
	}
	return r
}

// later is the later of two moments.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// takes is how long so many bytes need at a rate.
func takes(bytes int, rate int64) time.Duration {
	return time.Duration(float64(bytes) / float64(rate) * float64(time.Second))
}
