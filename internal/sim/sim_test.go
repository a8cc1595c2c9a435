package sim

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

var (
	seedsFlag = flag.String("seeds", "1-25", "the swarms to simulate: numbers and ranges, as in 3,10-20")
	tellFlag  = flag.Bool("tell", false, "write down what happens in the simulated swarms")
)

// TestSwarms simulates the swarms of -seeds. make sim SEEDS=... does the same without the race detector.
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
				t.Fatalf("%v\n%v\nmake sim SEEDS=%d", p, err, seed)
			}
			t.Logf("seed %d %v: %v, %d events, %d crashes, %d of %d liars named, %.1f%% wasted", seed, p, r.Took, r.Events, r.Crashes, r.Accused, p.liars(),
				100*float64(r.Wasted)/float64(max(1, r.Down)))
		})
	}
}

// TestSameSeedSameTrace runs swarms twice: nothing but the seed decides what happens.
func TestSameSeedSameTrace(t *testing.T) {
	for _, seed := range []uint64{2, 5, 11} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			a, errA := Run(NewPlan(seed), Options{})
			b, errB := Run(NewPlan(seed), Options{})
			if a.Trace != b.Trace || a.Events != b.Events || fmt.Sprint(errA) != fmt.Sprint(errB) {
				t.Errorf("two runs differ: %d and %d events, %v and %v\nmake sim SEEDS=%d", a.Events, b.Events, errA, errB, seed)
			}
		})
	}
}

func parseSeeds(list string) (seeds []uint64, err error) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, ranged := strings.Cut(part, "-")
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
