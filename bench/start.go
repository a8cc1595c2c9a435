package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	// readyIn is until what was kept is seeded again, idleShare how much of a processor is used from then on.
	readyIn, idleShare = "ready s", "% of a core idle"
	// settling is how long a program is left alone before it is measured for watching.
	settling, watching = 3 * time.Second, 20 * time.Second
	// idleFile is the size of each file.
	idleFile = 16 << 10
)

// Start is being started with many torrents that nobody asks for.
func Start(p Programs, n int) Scenario {
	return Scenario{
		Name: fmt.Sprintf("start-%d", n), Title: fmt.Sprintf("start with %d idle torrents", n), By: readyIn, Rounds: 1,
		About: fmt.Sprintf("Each is a v1 torrent of one file of 16 KiB that was complete when the client ended; no tracker, no DHT, nobody else. "+
			"*ready* is from the start of the program until all are seeded (for potluck: until `status` says so over its API), with CPU for that "+
			"alone; then the program is left alone for %v and watched for %v. anon is the most of all that time. libtorrent is a client of "+
			"thirty lines that reads its resume data and adds everything at once; the others are left "+
			"out: Transmission takes 0.1 s for each.", settling, watching),
		Prepare: func(t *testing.T) []Contender {
			files := t.TempDir()
			dice := rand.NewChaCha8([32]byte{1})
			var content [idleFile]byte
			for i := range n {
				_, _ = dice.Read(content[:])
				if err := os.WriteFile(filepath.Join(files, fmt.Sprintf("%05d", i)), content[:], 0o644); err != nil {
					t.Fatal(err)
				}
			}
			goals := []Goal{AtMost(5, readyIn, Absolute), AtMost(1024, Anon, Absolute), AtMost(1, idleShare, Absolute), AtMost(1, readyIn, OfOthers)}
			return []Contender{
				{Name: "potluck", Kind: Ours, Goals: goals, Run: resident(Potluck{path: p.Potluck}.kept(t, files, n))},
				{Name: "libtorrent", Kind: Other, Run: resident(libtorrentKept(t, files))},
			}
		},
	}
}

// starter starts a program that m watches from then on, and waits until it is ready.
type starter func(t *testing.T, m *Meter) (*peers.Process, error)

// resident is how a program is measured that is started and then has nothing to do.
func resident(start starter) func(t *testing.T) (Run, error) {
	return func(t *testing.T) (Run, error) {
		m := Watch()
		began := time.Now()
		process, err := start(t, m)
		ready := time.Since(began)
		if err != nil {
			m.Stop()
			return Run{}, err
		}
		toLoad := processors(process.PID())
		share := idleness(process)
		used := m.Stop()
		used[0].CPU = toLoad
		return Run{Sides: used, Figures: []Figure{{readyIn, ready.Seconds()}, {idleShare, share}}}, nil
	}
}

// idleness is how much of a processor a program uses that has nothing to do, in percent.
func idleness(p *peers.Process) float64 {
	time.Sleep(settling)
	return shareOver(p, watching)
}

// shareOver is how much of a processor a program uses for so long, in percent.
func shareOver(p *peers.Process, long time.Duration) float64 {
	before, from := onProcessors(p.PID()), time.Now()
	time.Sleep(long)
	return 100 * (onProcessors(p.PID()) - before).Seconds() / time.Since(from).Seconds()
}
