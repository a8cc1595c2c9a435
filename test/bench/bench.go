// Package bench measures potluck against the clients that people use instead, on the same work in the same run. Whoever is
// compared does it in turn, round after round, so that what the machine does beside slows all of them; the median of each
// counts, and what is told first is the ratio of medians. `make bench` prints the tables.
//
//	bench      a comparison: who does what how often, medians, ratios, the table
//	clients    potluck, libtorrent, Transmission as those who seed and who fetch
//	places     the machines between which content travels
//	utp        the comparisons over uTP
//
// As a part of `go test ./...` only its own arithmetic is tested: a number of this machine at this moment proves nothing.
package bench

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"text/tabwriter"
)

// Comparison is a piece of work that several do in turn.
type Comparison struct {
	Name string
	// Unit is what is measured. More of it is better.
	Unit string
	// Contenders are those who do it. The others are compared with the first.
	Contenders []Contender
}

// Contender is one way to do the work.
type Contender struct {
	Name string
	// Goal is how many times what the first does it should be at least; 0: it is told for information.
	Goal float64
	// Run does the work once and returns the measure.
	Run func(t testing.TB) float64
}

// Result is what came out of a comparison.
type Result struct {
	Comparison
	// Runs are the measures of each contender, round by round.
	Runs [][]float64
}

// Measure lets everybody do the work so many times, A B A B.
func (c Comparison) Measure(t testing.TB, rounds int) Result {
	t.Helper()
	r := Result{Comparison: c, Runs: make([][]float64, len(c.Contenders))}
	for range rounds {
		for i, who := range c.Contenders {
			r.Runs[i] = append(r.Runs[i], who.Run(t))
		}
	}
	return r
}

// Ratio is how many times what the first does contender i does.
func (r Result) Ratio(i int) float64 { return Median(r.Runs[i]) / Median(r.Runs[0]) }

// Median is the middle of the measures, or between the two in the middle; 0 of none.
func Median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Print writes the result as a table.
func (r Result) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%s\tmedian\tratio\tgoal\truns\t\n", r.Unit)
	for i, who := range r.Contenders {
		ratio, goal := "1", ""
		if i > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ratio(i))
		}
		if who.Goal > 0 {
			goal = fmt.Sprintf("%.1f %s", who.Goal, map[bool]string{true: "met", false: "MISSED"}[r.Ratio(i) >= who.Goal])
		}
		fmt.Fprintf(table, "%s\t%.2f\t%s\t%s\t%.2f\t\n", who.Name, Median(r.Runs[i]), ratio, goal, r.Runs[i])
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", r.Name); err != nil {
		return err
	}
	return table.Flush()
}
