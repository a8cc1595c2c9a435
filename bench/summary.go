package bench

import (
	"fmt"
	"math"
	"slices"
)

// Bound is what a goal's limit is a multiple of.
type Bound uint8

const (
	// Absolute limits are numbers of the figure itself.
	Absolute Bound = iota
	// OfOthers is the median of the best other client.
	OfOthers
	// OfFloor is the median of the floor.
	OfFloor
)

// Goal is what a contender should reach.
type Goal struct {
	figure string
	bound  Bound
	limit  float64
	least  bool
}

// AtMost is the goal that a figure is at most limit, or limit times what it is for others or for the floor.
func AtMost(limit float64, figure string, bound Bound) Goal {
	return Goal{figure: figure, bound: bound, limit: limit}
}

// AtLeast is AtMost for a figure of which more is better.
func AtLeast(limit float64, figure string, bound Bound) Goal {
	return Goal{figure: figure, bound: bound, limit: limit, least: true}
}

// figures are a run's numbers in the order of their columns.
func (r Run) figures() []Figure {
	var all []Figure
	add := func(name string, value float64) {
		if value != 0 {
			all = append(all, Figure{name, value})
		}
	}
	seconds := r.Wall.Seconds()
	add(Wall, seconds)
	if seconds > 0 {
		add(Rate, float64(r.Bytes)/1e6/seconds)
	}
	var used Usage
	for _, side := range r.Sides {
		used.CPU += side.CPU
		used.Anon, used.RSS = max(used.Anon, side.Anon), max(used.RSS, side.RSS)
	}
	if r.Bytes > 0 {
		add(CPU, used.CPU.Seconds()/(float64(r.Bytes)/gib))
	} else {
		add(CPUAll, used.CPU.Seconds())
	}
	add(Anon, float64(used.Anon)/mib)
	add(RSS, float64(used.RSS)/mib)
	add(First, r.First.Seconds())
	return append(all, r.Figures...)
}

// Median is the middle of the numbers, or between the two in the middle; NaN of none.
func Median(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// median is the median of a figure over the runs; NaN if they have none such.
func (o Outcome) median(figure string) float64 {
	var all []float64
	for _, run := range o.Runs {
		for _, f := range run.figures() {
			if f.Name == figure {
				all = append(all, f.Value)
			}
		}
	}
	return Median(all)
}

// best is the best median of a figure among the contenders of a kind; NaN if none has it.
func (r Result) best(kind Kind, figure string, more bool) float64 {
	best := math.NaN()
	for _, o := range r.Outcomes {
		m := o.median(figure)
		if o.Kind != kind || math.IsNaN(m) {
			continue
		}
		if math.IsNaN(best) || more == (m > best) {
			best = m
		}
	}
	return best
}

// compared is what a figure of o is as a multiple of the bound; NaN if there is nothing to compare.
func (r Result) compared(o Outcome, figure string, bound Bound, more bool) float64 {
	m := o.median(figure)
	switch bound {
	case OfOthers:
		return m / r.best(Other, figure, more)
	case OfFloor:
		return m / r.best(Floor, figure, more)
	default:
		return m
	}
}

// judge says whether o reached a goal, as "wall s 0.65x others (<= 0.70) met".
func (r Result) judge(o Outcome, g Goal) string {
	got := r.compared(o, g.figure, g.bound, g.least)
	sign, met := "<=", got <= g.limit
	if g.least {
		sign, met = ">=", got >= g.limit
	}
	unit := map[Bound]string{OfOthers: "x best other", OfFloor: "x floor"}[g.bound]
	if math.IsNaN(got) {
		return fmt.Sprintf("%s %s %s%s: nothing to compare", g.figure, sign, number(g.limit), unit)
	}
	verdict := "MISSED"
	if met {
		verdict = "met"
	}
	return fmt.Sprintf("%s %s %s%s: %s %s", g.figure, sign, number(g.limit), unit, number(got), verdict)
}
