package bench

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

var (
	measure = flag.Bool("measure", false, "run the comparisons")
	rounds  = flag.Int("rounds", 3, "how often everybody does each comparison")
)

// binaryVar names the binary to measure.
const binaryVar = "POTLUCK_TEST_BINARY"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	var dir string
	defer func() { os.RemoveAll(dir) }()
	return netns.Run(m, func() ([]string, error) {
		if !*measure || os.Getenv(binaryVar) != "" {
			return nil, nil
		}
		var err error
		if dir, err = os.MkdirTemp("", "potluck-bench"); err != nil {
			return nil, err
		}
		binary := filepath.Join(dir, "potluck")
		if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/potluck").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building cmd/potluck: %w\n%s", err, out)
		}
		return []string{binaryVar + "=" + binary}, nil
	})
}

// TestComparisons runs the comparisons and prints their tables; -test.run chooses among them.
func TestComparisons(t *testing.T) {
	if !*measure {
		t.Skip("nothing is measured without -measure; make bench does it")
	}
	peers.Require(t, peers.Libtorrent)
	potluck := Potluck(os.Getenv(binaryVar))
	for _, c := range []struct {
		name string
		make func(t testing.TB, potluck Potluck) Comparison
	}{
		{"utp-loopback", UTPLoopback},
		{"utp-lossy", UTPLossy},
		{"utp-yields", UTPYields},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.make(t, potluck).Measure(t, *rounds).Print(os.Stdout); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 3, 2, 1}, 2.5}} {
		if got := Median(c.of); got != c.want {
			t.Errorf("%v: %v, want %v", c.of, got, c.want)
		}
	}
}

// TestMeasure has everybody take turns, and tells who reached what was hoped for.
func TestMeasure(t *testing.T) {
	var turns strings.Builder
	does := func(name string, goal float64, measures ...float64) Contender {
		return Contender{name, goal, func(testing.TB) float64 {
			turns.WriteString(name)
			now := measures[0]
			measures = measures[1:]
			return now
		}}
	}
	c := Comparison{Name: "race", Unit: "m/s", Contenders: []Contender{
		does("a", 0, 2, 1, 4), does("b", 1.5, 4, 5, 4), does("c", 0.9, 1, 1, 9), does("d", 0, 1, 1, 1),
	}}
	r := c.Measure(t, 3)
	if turns.String() != "abcdabcdabcd" {
		t.Errorf("took turns %s", turns.String())
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{"", "race", "m/s median ratio goal runs",
		"a 2.00 1 [2.00 1.00 4.00]", "b 4.00 2.00 1.5 met [4.00 5.00 4.00]",
		"c 1.00 0.50 0.9 MISSED [1.00 1.00 9.00]", "d 1.00 0.50 [1.00 1.00 1.00]"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
