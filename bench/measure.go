package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// farBehind is how many times what the best needs a contender may need in the first round to take part in the next.
const farBehind = 3

// Outcome is what came out of a contender's runs.
type Outcome struct {
	Contender
	Runs []Run
	// Trouble says why runs were not done.
	Trouble []string
	// Broken is how many of those were for us to get right.
	Broken int
}

// Result is what came out of a scenario.
type Result struct {
	Scenario
	Outcomes []Outcome
}

// Measure lets everybody do the work so many times, A B A B. Who is far behind in the first round, or could not do the work, does
// it no more; a run that broke in our hands is tried again in the next round. What each run took is told to progress.
func (s Scenario) Measure(t *testing.T, rounds int, progress io.Writer) Result {
	t.Helper()
	if s.By == "" {
		s.By = Wall
	}
	if s.Rounds > 0 {
		rounds = min(rounds, s.Rounds)
	}
	r := Result{Scenario: s}
	for _, who := range s.Prepare(t) {
		r.Outcomes = append(r.Outcomes, Outcome{Contender: who})
	}
	for round := range rounds {
		for i := range r.Outcomes {
			o := &r.Outcomes[i]
			if round > 0 && r.isOut(*o) {
				continue
			}
			var run Run
			var err error
			fine := t.Run(fmt.Sprintf("%s/%d", o.Name, round+1), func(t *testing.T) {
				run, err = o.Run(t)
				if err != nil {
					t.Log(err)
				}
			})
			switch {
			case err != nil:
				o.Trouble = append(o.Trouble, err.Error())
			case !fine:
				o.Trouble = append(o.Trouble, "the measurement broke, as its log tells")
				o.Broken++
			case run.isEmpty():
				// It was skipped: what it needs is not installed.
			default:
				o.Runs = append(o.Runs, run)
			}
			fmt.Fprintln(progress, s.Name, o.Name, round+1, tell(run, err))
		}
	}
	return r
}

// isOut reports whether a contender takes no further part after the first round. The floor always does.
func (r Result) isOut(o Outcome) bool {
	if o.Kind == Floor {
		return false
	}
	if len(o.Runs) == 0 {
		return len(o.Trouble) > o.Broken
	}
	first := func(o Outcome) float64 { return Outcome{Runs: o.Runs[:min(1, len(o.Runs))]}.median(r.By) }
	best := math.Inf(1)
	for _, other := range r.Outcomes {
		if m := first(other); other.Kind != Floor && m < best {
			best = m
		}
	}
	return first(o) > farBehind*best
}

// tell is a run in a line.
func tell(r Run, err error) string {
	if err != nil {
		return "not done: " + err.Error()
	}
	var told []string
	for _, f := range r.figures() {
		told = append(told, number(f.Value)+" "+f.Name)
	}
	return strings.Join(told, ", ")
}

func (r Run) isEmpty() bool { return len(r.figures()) == 0 }
