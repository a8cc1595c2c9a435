package dht

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	seedsFlag = flag.String("seeds", "", "simulate 10,000 nodes for each of these seeds: numbers and ranges, as in 3,10-20")
	tableFlag = flag.String("table", "", "the file that the outcome is written to")
)

// goal is a kind of network, and how many of a hundred look-ups must be right there.
type goal struct {
	name  string
	plan  Plan
	least float64
}

// goals are the networks of so many nodes.
func goals(seed uint64, nodes, lookUps, besieged int) []goal {
	return []goal{
		{"all honest", Plan{Seed: seed, Nodes: nodes, LookUps: lookUps}, 99},
		{"20 % hostile", Plan{Seed: seed, Nodes: nodes, LookUps: lookUps, Hostile: 0.2}, 99},
		{"50 % hostile", Plan{Seed: seed, Nodes: nodes, LookUps: lookUps, Hostile: 0.5}, 90},
		{"64 Sybils at each key", Plan{Seed: seed, Nodes: nodes, LookUps: besieged, Sybils: 64}, 95},
	}
}

// TestDHT holds the goals in small networks.
func TestDHT(t *testing.T) {
	for _, g := range goals(1, 200, 30, 5)[1:] {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			if r := Run(g.plan); r.Share() < g.least-5 { // of so few look-ups
				t.Errorf("%v: %d of %d look-ups are right", g.plan, r.Right, r.LookUps)
			}
		})
	}
}

// TestBehindNAT: a DHT most of whose nodes only dial finds what is kept in it, and with fewer questions if these say so.
func TestBehindNAT(t *testing.T) {
	plan := Plan{Seed: 2, Nodes: 150, LookUps: 30, Behind: 0.6}
	silent := Run(plan)
	plan.ReadOnly = true
	told := Run(plan)
	t.Logf("not said: %.0f %%, %.0f messages, %v; said: %.0f %%, %.0f messages, %v",
		silent.Share(), silent.Messages, silent.Ended, told.Share(), told.Messages, told.Ended)
	if told.Share() < 95 || told.Messages > silent.Messages || told.Ended > silent.Ended {
		t.Errorf("%+v, and as they say so %+v", silent, told)
	}
}

// TestSameSeedSameTrace runs networks twice: nothing but the seed decides what happens.
func TestSameSeedSameTrace(t *testing.T) {
	plan := Plan{Seed: 3, Nodes: 100, Hostile: 0.3, IDs: 2, Sybils: 8, LookUps: 6}
	a, b := Run(plan), Run(plan)
	if a != b {
		t.Errorf("two runs differ: %+v and %+v", a, b)
	}
	plan.Seed++
	if c := Run(plan); c.Trace == a.Trace {
		t.Error("two different networks have one trace")
	}
}

// TestTrialIsJudged: a look-up of what nobody keeps is not right.
func TestTrialIsJudged(t *testing.T) {
	w := newWorld(Plan{Seed: 5, Nodes: 60, Hostile: 0.2}.withDefaults())
	w.populate()
	rng := generator(5, 9)
	for of := range things {
		trial := newTrial(of, w.honest[0], w.honest[1], rng)
		trial.seek()
		w.play(w.now + patience)
		if trial.ended == 0 || trial.right() {
			t.Errorf("%+v", trial)
		}
	}
}

// TestWholeDHT simulates 10,000 nodes for each of -seeds, holds the goals and writes -table; so does make dht-sim SEEDS=...
func TestWholeDHT(t *testing.T) {
	if *seedsFlag == "" {
		t.Skip("takes minutes; run it with: make dht-sim")
	}
	seeds, err := parseSeeds(*seedsFlag)
	if err != nil {
		t.Fatal(err)
	}
	var all []goal
	for _, seed := range seeds {
		all = append(all, goals(seed, 10_000, 1000, 200)...)
	}
	rows := make([]string, len(all))
	t.Run("goals", func(t *testing.T) {
		for i, g := range all {
			t.Run(fmt.Sprintf("%s, seed %d", g.name, g.plan.Seed), func(t *testing.T) {
				t.Parallel()
				r := Run(g.plan)
				rows[i] = r.row(g)
				t.Log(rows[i])
				if r.Share() < g.least {
					t.Errorf("%.1f%% are right, not %v%%\nreplay it with: make dht-sim SEEDS=%d", r.Share(), g.least, g.plan.Seed)
				}
			})
		}
	})
	if *tableFlag != "" {
		if err := os.WriteFile(*tableFlag, []byte(page+strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (r Result) row(g goal) string {
	return fmt.Sprintf("| %d | %s | %d | %.0f %% | %d | %d | %.1f %% | %v %% | %.0f | %.2f s | %.1f s | `%x` |", r.Plan.Seed, g.name, r.Plan.Nodes, 100*r.Plan.Hostile,
		r.Plan.Sybils, r.LookUps, r.Share(), g.least, r.Messages, r.First.Seconds(), r.Ended.Seconds(), r.Trace[:4])
}

// page is what stands above the rows.
const page = `# A simulated DHT

Written by ` + "`make dht-sim SEEDS=...`" + `: 10,000 nodes, the honest of which are the program's own, in virtual time (internal/sim/dht
says how). 1 % of all datagrams are lost, 2 % of all lines are slow, and 5 % of the honest nodes vanish before the look-ups.
A third of the look-ups each is for a peer, an immutable and a mutable item that another node has announced or put before. One is
right if it finds that, the newest version of a mutable item, and takes nothing else for it.

Hostile nodes have valid IDs (BEP 42), know of each other and of everybody, take what is announced to them and keep it to
themselves. A quarter of them each answers pings only; names its accomplices only; names nodes that do not exist, nearer to the
target than anybody; has peers and old or wrong items. Sybils are hosts with valid IDs, nearer to the key than any honest node and
known to all those around it before anything is kept there.

The same seed gives the same trace. Times are medians: until what is right was there, and until nobody was left to ask.

| seed | network | nodes | hostile | Sybils | look-ups | right | goal | messages per look-up | found after | ended after | trace |
|---|---|---|---|---|---|---|---|---|---|---|---|
`

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
		for s := from; s <= to; s++ {
			seeds = append(seeds, s)
		}
	}
	return seeds, nil
}

// TestPlaces: addresses are given out once, and distances are the same both ways.
func TestPlaces(t *testing.T) {
	p := newPlaces(generator(1, 1))
	a, b := p.address(), p.address()
	if a == b || p.delay(a, b) != p.delay(b, a) || p.delay(a, b) <= 0 || p.delay(a, b) > 2*slowLine+time.Second {
		t.Errorf("%v and %v are %v away", a, b, p.delay(a, b))
	}
}
