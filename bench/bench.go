// Package bench measures potluck against the clients that people use instead, and both against the floor: a bare program
// that does the work without a protocol (bench/floor). All do the same work in the same run, in turn, A B A B, so that what the
// machine does beside slows all of them; medians count, and what is told first are ratios. `make bench` runs everything and
// writes RESULTS.md; `make bench SCENARIO=name` runs one scenario and replaces its section.
//
//	bench      what a scenario is, and what one run of it says
//	scenarios  all of them, in the order of RESULTS.md
//	measure    who does what how often
//	summary    medians, ratios, goals
//	table      a scenario's outcome, for the terminal and for RESULTS.md
//	results    RESULTS.md: its head, and which sections a run replaces
//	machine    on what, and with which versions, it was measured
//	usage      processor time and memory of the programs measured
//	work       the content that travels
//	clients    potluck, the floor and the others, as those who seed and who fetch
//
// As a part of `go test ./...` only its own arithmetic is tested: a number of this machine at this moment proves nothing.
package bench

import (
	"testing"
	"time"
)

// Scenario is a piece of work that several do in turn.
type Scenario struct {
	// Name chooses it, as SCENARIO=name; Title is its heading.
	Name, Title string
	// About says what is done and measured, in markdown.
	About string
	// By names the figure that is compared, of which less is better: by it contenders are far behind, and have ratios to the
	// best other and to the floor. The zero value is Wall.
	By string
	// Rounds bounds how often everybody does it; 0 is as often as asked for.
	Rounds int
	// Prepare makes what all runs share and says who takes part. It may skip the scenario; what it makes in t's folders lasts
	// for the scenario.
	Prepare func(t *testing.T) []Contender
}

// Kind is what a contender is to the comparison.
type Kind uint8

const (
	// Ours is potluck.
	Ours Kind = iota
	// Other is what people would use instead, on both sides.
	Other
	// Floor is a bare program, or what can be calculated: nobody does it with less.
	Floor
)

// Contender is one way to do the work.
type Contender struct {
	Name  string
	Kind  Kind
	Goals []Goal
	// Run does the work once. An error says why it was not done, and is told; what breaks the measurement itself fails t.
	// t is the run's own: its folders and programs end with it.
	Run func(t *testing.T) (Run, error)
}

// Run is what one run of a contender says. The zero value of a field is that it says nothing of it.
type Run struct {
	// Wall is how long the work took, Bytes how much it was.
	Wall  time.Duration
	Bytes int64
	// Sides are the programs that took part: who seeds, then who fetches, or the only one.
	Sides []Usage
	// First is the time from the connection to the first MiB.
	First time.Duration
	// Figures are whatever else is worth telling; each has a column. All runs of a contender have the same.
	Figures []Figure
}

// Usage is what a program used for the work, without what it did before.
type Usage struct {
	// CPU is its processor time, user and system.
	CPU time.Duration
	// Anon is its anonymous memory at most, RSS all that was resident, mapped files included; in bytes.
	Anon, RSS int64
}

// Figure is a number with a name that says its unit, as "ready s".
type Figure struct {
	Name  string
	Value float64
}

// The figures that are calculated from a run.
const (
	Wall   = "wall s"
	Rate   = "MB/s"
	CPU    = "CPU s/GiB" // all sides together; of work without bytes it is CPUAll
	CPUAll = "CPU s"
	Anon   = "anon MiB" // of the side that has most
	RSS    = "RSS MiB"  // of the side that has most
	First  = "first MiB s"
)

// Limit is how long a run may take. What is not done by then is not done.
const Limit = 100 * time.Second

const (
	mib = 1 << 20
	gib = 1 << 30
)
