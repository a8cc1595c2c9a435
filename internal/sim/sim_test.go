package sim

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/swarm"
)

var (
	seedsFlag = flag.String("seeds", "1-25", "the swarms to simulate: numbers and ranges, as in 3,10-20")
	tellFlag  = flag.Bool("tell", false, "say what happens in the simulated swarms")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSwarms simulates the swarms of -seeds; so does make sim SEEDS=...
func TestSwarms(t *testing.T) {
	seeds, err := parseSeeds(*seedsFlag)
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			p := NewPlan(seed)
			var opt Options
			if *tellFlag {
				opt.Log = os.Stdout
			}
			r, err := Run(p, opt)
			if err != nil {
				t.Fatalf("%v\n%v\nreplay it with: make sim SEEDS=%d", p, err, seed)
			}
			t.Logf("%v: trace %x, took %v, %d events, %d crashes, %d of %d liars named, %.1f%% wasted", p, r.Trace[:4], r.Took.Round(time.Second), r.Events, r.Crashes,
				r.Named, p.liars(), 100*float64(r.Wasted)/float64(max(1, r.Down)))
		})
	}
}

// TestSameSeedSameTrace runs swarms twice: nothing but the seed decides what happens.
func TestSameSeedSameTrace(t *testing.T) {
	for _, seed := range []uint64{3, 9, 11} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			a, errA := Run(NewPlan(seed), Options{})
			b, errB := Run(NewPlan(seed), Options{})
			if a.Trace != b.Trace || a.Events != b.Events || fmt.Sprint(errA) != fmt.Sprint(errB) {
				t.Errorf("two runs differ: %d and %d events, %v and %v\nreplay them with: make sim SEEDS=%d", a.Events, b.Events, errA, errB, seed)
			}
		})
	}
}

// TestOtherSeedOtherTrace: the trace tells runs apart.
func TestOtherSeedOtherTrace(t *testing.T) {
	p := NewPlan(9)
	a, _ := Run(p, Options{})
	p.MinDelay += time.Nanosecond
	b, _ := Run(p, Options{})
	if a.Trace == b.Trace {
		t.Error("two different runs have one trace")
	}
}

// TestJudge: the judge sees what is wrong.
func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  func(p *Plan)
		world func(w *world)
		want  string
	}{
		{
			name:  "wrong bytes from a seeder",
			world: func(w *world) { w.object.files[0][0] ^= 1 },
			want:  "takes piece 0 for verified",
		},
		{
			name: "a seeder that goes too early",
			plan: func(p *Plan) {
				p.Nodes[0].Outages = []Outage{{At: p.Nodes[1].Joins + 2*time.Second, How: Leave}}
			},
			want: "not done in time: node 1 fetching",
		},
		{
			name: "bytes lost in a crash",
			plan: func(p *Plan) {
				p.Nodes[1].Outages = []Outage{{At: p.Nodes[1].Joins + 8*time.Second, Away: time.Second, How: Power}}
			},
			world: func(w *world) { w.nodes[1].promise(0, 0, w.plan.Sizes[0]) },
			want:  "has lost bytes",
		},
		{
			name: "an honest node accused",
			world: func(w *world) {
				w.after(9*time.Second, func() {
					w.judge.accused(w.nodes[1].run, swarm.Accusation{Addr: w.nodes[2].addr.String(), Piece: 7})
				})
			},
			want: "of piece 7, who is honest",
		},
		{
			name: "an honest node banned",
			world: func(w *world) {
				w.after(9*time.Second, func() { w.nodes[0].plan.Lies = 1 })
				w.after(10*time.Second, func() { w.nodes[0].plan.Lies = 0 })
			},
			want: "refuses node 0: ",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(smallPlan(tt.plan), Options{})
			if err := w.populate(); err != nil {
				t.Fatal(err)
			}
			if tt.world != nil {
				tt.world(w)
			}
			w.play()
			if got := fmt.Sprint(w.failure); !strings.Contains(got, tt.want) {
				t.Errorf("%v", got)
			}
		})
	}
}

// smallPlan is a swarm of one seeder and two others in which nothing goes wrong.
func smallPlan(change func(p *Plan)) Plan {
	p := Plan{
		Seed: 1, Format: 1, PieceLength: 32 << 10, Sizes: []int64{2 << 20}, MinDelay: time.Millisecond, MaxDelay: 20 * time.Millisecond,
		Bound: 3 * time.Minute,
	}
	for i := range 3 {
		p.Nodes = append(p.Nodes, NodePlan{
			Seeder: i == 0, Up: 100 << 10, Down: 200 << 10, Slots: 4, MaxPeers: 10, Reachable: true, Joins: time.Duration(i) * time.Second, Budget: 1 << 20,
		})
	}
	if change != nil {
		change(&p)
	}
	return p
}

func parseSeeds(list string) (seeds []uint64, err error) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 64)
		if err != nil {
			return nil, err
		}
		to, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			return nil, err
		}
		if to < from {
			return nil, fmt.Errorf("%q is no range of seeds", part)
		}
		for s := from; s <= to; s++ {
			seeds = append(seeds, s)
		}
	}
	return seeds, nil
}
