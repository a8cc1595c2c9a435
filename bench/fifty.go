package bench

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	fiftySize = 512 << 20
	// Those who seed and those who fetch.
	seeders, leechers = 50, 20
	// moving is the time for a GiB, in either direction.
	moving, downRate, upRate = "s/GiB moved", "down MB/s", "up MB/s"
)

// Fifty is one client among many: fifty seeds and twenty who fetch.
func Fifty(p Programs) Scenario {
	return Scenario{
		Name: "fifty", Title: fmt.Sprintf("%d peers down and %d up at once, %d MiB", seeders, leechers, fiftySize/mib), By: moving,
		About: "One client fetches a v1 torrent from 50 synthetic seeds (bench/load), while 20 synthetic peers fetch from it whatever it has, each " +
			"block once, and give nothing. Each has an address in a network of its own, connects to the client, and keeps up to 64 requests under way. It is " +
			"measured until the client has everything; *MB/s* and *CPU s/GiB* count what went either way until then, CPU and memory are the client's " +
			"alone. All are told nothing of how many peers to have or to serve (aria2 and rtorrent know bounds of their own).",
		Prepare: func(t *testing.T) []Contender {
			w := NewFile(t, peers.V1, scaled(fiftySize))
			var all []Contender
			for _, c := range only(everyone(p), peers.V1) {
				contender := Contender{Name: c.Name(), Kind: Other, Run: func(t *testing.T) (Run, error) { return w.amongMany(t, p, c) }}
				if _, ours := c.(Potluck); ours {
					contender.Kind, contender.Goals = Ours, []Goal{AtMost(1, moving, OfOthers), AtMost(1, CPU, OfOthers)}
				}
				all = append(all, contender)
			}
			return all
		},
	}
}

// amongMany lets a client fetch the work from many, and others from it.
func (w Work) amongMany(t *testing.T, p Programs, c Client) (Run, error) {
	at, dir := peers.Address(), t.TempDir()
	f := c.Fetch(t, Job{Torrent: w.Torrent, Dir: dir, At: Place{Addr: at}})
	defer f.Stop()
	seeds := NewCrowd(t, p, seeders, 0, at, "-content", filepath.Join(w.Dir, w.Info.Name), "seed", w.Torrent)
	leeches := NewCrowd(t, p, leechers, seeders, at, "leech", w.Torrent)
	warm(t, w.Size)
	m := Watch()
	began := time.Now()
	f.Begin(m)
	seeds.Go(t)
	leeches.Go(t)
	took, err := Wait([]Fetch{f}, began)
	up := leeches.Count(t).Received
	used := m.Stop()
	if err != nil {
		return Run{}, err
	}
	f.Stop()
	w.Compare(t, dir)
	seconds := took[0].Seconds()
	rate := func(bytes int64) float64 { return float64(bytes) / 1e6 / seconds }
	moved := w.Size + up
	return Run{Wall: took[0], Bytes: moved, Sides: used, Figures: []Figure{
		{downRate, rate(w.Size)}, {upRate, rate(up)}, {moving, seconds / (float64(moved) / gib)},
	}}, nil
}
