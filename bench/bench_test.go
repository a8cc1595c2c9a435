package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
)

var (
	measure = flag.Bool("measure", false, "run the scenarios")
	rounds  = flag.Int("rounds", 5, "how often everybody does each")
	into    = flag.String("results", "", "the file of markdown whose sections are replaced")
)

const (
	// binaryVar names a binary of potluck to measure instead of building one.
	binaryVar = "POTLUCK_TEST_BINARY"
	// programsVar names the folder with the programs that were built.
	programsVar = "POTLUCK_BENCH_PROGRAMS"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	var dir string
	defer func() { os.RemoveAll(dir) }()
	return netns.Run(m, func() (env []string, err error) {
		if !*measure {
			return nil, nil
		}
		if dir, err = os.MkdirTemp("", "potluck-bench"); err != nil {
			return nil, err
		}
		return []string{programsVar + "=" + dir}, build(dir)
	})
}

// build builds the programs to measure, while the real network is still there.
func build(dir string) error {
	for _, b := range []struct{ name, in, what string }{
		{"potluck", ".", "../cmd/potluck"}, {"floor", ".", "./floor"}, {"load", ".", "./load"}, {"anacrolix", "../test/peers/anacrolix", "."},
	} {
		if b.name == "potluck" && os.Getenv(binaryVar) != "" {
			continue
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, b.name), b.what)
		cmd.Dir = b.in
		if out, err := cmd.CombinedOutput(); err != nil && b.name == "anacrolix" {
			fmt.Printf("measured without anacrolix/torrent: %v\n%s", err, out)
		} else if err != nil {
			return fmt.Errorf("building %s: %w\n%s", b.what, err, out)
		}
	}
	return nil
}

// programs are what build has built.
func programs() Programs {
	dir := os.Getenv(programsVar)
	in := func(name string) string { return filepath.Join(dir, name) }
	p := Programs{Potluck: in("potluck"), Floor: in("floor"), Load: in("load"), Anacrolix: in("anacrolix")}
	if given := os.Getenv(binaryVar); given != "" {
		p.Potluck = given
	}
	if _, err := os.Stat(p.Anacrolix); err != nil {
		p.Anacrolix = ""
	}
	return p
}

// TestScenarios runs the scenarios, prints their tables, and writes each into the results as soon as it is there; -test.run
// chooses among them.
func TestScenarios(t *testing.T) {
	if !*measure {
		t.Skip("nothing is measured without -measure; make bench does it")
	}
	p := programs()
	all := Scenarios(p)
	var order []string
	for _, s := range all {
		order = append(order, s.Name)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			begun := time.Now()
			r := s.Measure(t, *rounds, os.Stderr)
			section := r.Section(time.Now(), *rounds)
			fmt.Printf("\n%s(%v)\n", section, time.Since(begun).Round(time.Second))
			if *into == "" {
				return
			}
			old, err := os.ReadFile(*into)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if err := os.WriteFile(*into, []byte(Merge(string(old), Head(p, time.Now()), order, s.Name, section)), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 3, 2, 1}, 2.5}} {
		if got := Median(c.of); got != c.want {
			t.Errorf("%v: %v, want %v", c.of, got, c.want)
		}
	}
}

// TestMeasure has everybody take turns, leaves out who is far behind or did not do it, and tells who reached what was hoped for.
func TestMeasure(t *testing.T) {
	var turns strings.Builder
	does := func(name string, kind Kind, goals []Goal, seconds ...int) Contender {
		return Contender{name, kind, goals, func(*testing.T) (Run, error) {
			turns.WriteString(name)
			now := seconds[0]
			seconds = seconds[1:]
			if now < 0 {
				return Run{}, errors.New("it did not end")
			}
			side := Usage{CPU: time.Duration(now) * time.Second, Anon: 1 << 20, RSS: 2 << 20}
			return Run{Wall: time.Duration(now) * time.Second, Bytes: 1 << 30, Sides: []Usage{side, side}, Figures: []Figure{{"odds", float64(now)}}}, nil
		}}
	}
	goals := []Goal{AtMost(0.7, Wall, OfOthers), AtMost(1.2, CPU, OfFloor), AtLeast(2, Rate, OfOthers), AtMost(1, "odds", Absolute), AtMost(1, "ends", Absolute)}
	s := Scenario{Name: "race", Title: "a race", About: "They race.", Prepare: func(*testing.T) []Contender {
		return []Contender{
			does("f", Floor, nil, 1, 1, 1), does("a", Ours, goals, 2, 1, 4), does("b", Other, nil, 4, 5, 4), does("c", Other, nil, 7),
			does("d", Other, nil, -1), does("e", Other, nil, 6, 6, -1),
		}
	}}
	r := s.Measure(t, 3, io.Discard)
	if turns.String() != "fabcdefabefabe" {
		t.Errorf("took turns %s", turns.String())
	}
	var got []string
	for line := range strings.Lines(r.Section(time.Unix(0, 0), 3)) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{"## race: a race", "", "They race.", "",
		"| client | wall s | MB/s | CPU s/GiB | anon MiB | RSS MiB | odds | wall x other | wall x floor | CPU x other | CPU x floor | n | goals |",
		"|", // the line below the head
		"| f | 1.00 | 1074 | 2.00 (1.00 + 1.00) | 1.00 / 1.00 | 2.00 / 2.00 | 1.00 | 0.250 | 1.00 | 0.250 | 1.00 | 3 | |",
		"| a | 2.00 | 537 | 4.00 (2.00 + 2.00) | 1.00 / 1.00 | 2.00 / 2.00 | 2.00 | 0.500 | 2.00 | 0.500 | 2.00 | 3 | " +
			"wall s <= 0.700x best other: 0.500 met; CPU s/GiB <= 1.20x floor: 2.00 MISSED; MB/s >= 2.00x best other: 2.00 met; " +
			"odds <= 1.00: 2.00 MISSED; ends <= 1.00: nothing to compare |",
		"| b | 4.00 | 268 | 8.00 (4.00 + 4.00) | 1.00 / 1.00 | 2.00 / 2.00 | 4.00 | 1.00 | 4.00 | 1.00 | 4.00 | 3 | |",
		"| c | 7.00 | 153 | 14.00 (7.00 + 7.00) | 1.00 / 1.00 | 2.00 / 2.00 | 7.00 | 1.75 | 7.00 | 1.75 | 7.00 | 1 | |",
		"| d | | | | | | | | | | | 0; 1 not done: it did not end | |",
		"| e | 6.00 | 179 | 12.00 (6.00 + 6.00) | 1.00 / 1.00 | 2.00 / 2.00 | 6.00 | 1.50 | 6.00 | 1.50 | 6.00 | 2; 1 not done: it did not end | |",
		"", "*1970-01-01 00:00 UTC, 3 rounds.*"}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] && want[i] != "|" {
			t.Fatalf("line %d: got\n%s\nwant\n%s", i, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestMerge keeps the sections of scenarios that did not run, in their order, and drops those that are no more.
func TestMerge(t *testing.T) {
	old := "# old\n\nhead\n\n## a: one\n\nolder a\n\n## gone: two\n\nx\n\n## c: three\n\nolder c\n\nend\n"
	got := Merge(old, "# new\n", []string{"a", "b", "c"}, "b", "## b: four\n\nnew b\n")
	want := "# new\n\n## a: one\n\nolder a\n\n## b: four\n\nnew b\n\n## c: three\n\nolder c\n\nend\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if again := Merge(got, "# new", []string{"a", "b", "c"}, "b", "## b: four\n\nnew b\n"); again != want {
		t.Errorf("again\n%s", again)
	}
}
