package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is the outcome as a table of markdown, padded so that it can be read as it is.
func (r Result) Table() string {
	names := r.columns()
	rows := [][]string{append(append([]string{"client"}, names...), r.ratioNames()...)}
	rows[0] = append(rows[0], "n", "goals")
	for _, o := range r.Outcomes {
		if len(o.Runs) == 0 && len(o.Trouble) == 0 {
			continue
		}
		row := []string{o.Name}
		for _, name := range names {
			row = append(row, o.cell(name))
		}
		for _, c := range r.comparisons() {
			row = append(row, number(r.compared(o, c.figure, c.bound, false)))
		}
		rows = append(rows, append(row, r.count(o), r.goals(o)))
	}
	return markdown(rows)
}

// columns are the figures that anybody has: those that are calculated, and then whatever else is told, as it comes.
func (r Result) columns() []string {
	var told []string
	for _, o := range r.Outcomes {
		for _, run := range o.Runs {
			for _, f := range run.figures() {
				if !slices.Contains(told, f.Name) {
					told = append(told, f.Name)
				}
			}
		}
	}
	calculated := []string{Wall, Rate, CPU, CPUAll, Anon, RSS, First}
	slices.SortStableFunc(told, func(a, b string) int {
		place := func(name string) int {
			if i := slices.Index(calculated, name); i >= 0 {
				return i
			}
			return len(calculated)
		}
		return place(a) - place(b)
	})
	return told
}

// comparison is a column of ratios.
type comparison struct {
	figure string
	bound  Bound
}

// comparisons are the ratios that can be told.
func (r Result) comparisons() []comparison {
	var all []comparison
	for _, figure := range slices.Compact([]string{r.By, CPU}) {
		for _, bound := range []Bound{OfOthers, OfFloor} {
			kind := Other
			if bound == OfFloor {
				kind = Floor
			}
			if !math.IsNaN(r.best(kind, figure, false)) {
				all = append(all, comparison{figure, bound})
			}
		}
	}
	return all
}

func (r Result) ratioNames() []string {
	var names []string
	for _, c := range r.comparisons() {
		unit, _, _ := strings.Cut(c.figure, " ")
		names = append(names, unit+map[Bound]string{OfOthers: " x other", OfFloor: " x floor"}[c.bound])
	}
	return names
}

// cell is the median of a figure, with the part of each side where there are two.
func (o Outcome) cell(name string) string {
	text := number(o.median(name))
	var part func(Run, Usage) float64
	switch name {
	case CPU:
		part = func(r Run, u Usage) float64 { return u.CPU.Seconds() / (float64(r.Bytes) / gib) }
	case Anon:
		part = func(_ Run, u Usage) float64 { return float64(u.Anon) / mib }
	case RSS:
		part = func(_ Run, u Usage) float64 { return float64(u.RSS) / mib }
	default:
		return text
	}
	var sides []string
	for i := 0; ; i++ {
		var all []float64
		for _, run := range o.Runs {
			if i < len(run.Sides) {
				all = append(all, part(run, run.Sides[i]))
			}
		}
		if len(all) == 0 {
			break
		}
		sides = append(sides, number(Median(all)))
	}
	switch {
	case len(sides) < 2:
		return text
	case name == CPU:
		return text + " (" + strings.Join(sides, " + ") + ")"
	default:
		return strings.Join(sides, " / ")
	}
}

// count is how many runs count, and what went wrong in others.
func (r Result) count(o Outcome) string {
	text := fmt.Sprint(len(o.Runs))
	if len(o.Trouble) > 0 {
		text += fmt.Sprintf("; %d not done: %s", len(o.Trouble), strings.Join(slices.Compact(slices.Clone(o.Trouble)), "; "))
	}
	return text
}

func (r Result) goals(o Outcome) string {
	var all []string
	for _, g := range o.Goals {
		all = append(all, r.judge(o, g))
	}
	return strings.Join(all, "; ")
}

// number is a number with three digits that say something; nothing of what is none.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return ""
	case x != 0 && math.Abs(x) < 0.995:
		return fmt.Sprintf("%.3f", x)
	case math.Abs(x) < 99.5:
		return fmt.Sprintf("%.2f", x)
	default:
		return fmt.Sprintf("%.0f", x)
	}
}

// markdown is a table of markdown, the first row its head, every column but the last padded.
func markdown(rows [][]string) string {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	for at, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(&b, "| %-*s ", wide[i], cell)
		}
		b.WriteString("|\n")
		if at == 0 {
			for i := range row {
				fmt.Fprintf(&b, "|%s", strings.Repeat("-", max(wide[i], 3)+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
