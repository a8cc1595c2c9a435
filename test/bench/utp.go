package bench

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
)

const (
	// loopbackSize takes libtorrent ten seconds over loopback, lossySize a quarter of a minute over the line.
	loopbackSize = 256 << 20
	lossySize    = 1 << 20
)

// overUTP are the ways in which potluck and libtorrent can transfer something between each other. The first is libtorrent alone.
func overUTP(potluck Potluck, goals map[string]float64, run func(t testing.TB, seed, leech Client) float64) []Contender {
	lt := Libtorrent{}
	var all []Contender
	for _, pair := range [][2]Client{{lt, lt}, {lt, potluck}, {potluck, lt}, {potluck, potluck}} {
		name := pair[0].Name() + " -> " + pair[1].Name()
		all = append(all, Contender{name, goals[name], func(t testing.TB) float64 { return run(t, pair[0], pair[1]) }})
	}
	return all
}

// UTPLoopback is uTP where nothing is in its way but the system.
func UTPLoopback(t testing.TB, potluck Potluck) Comparison {
	work := NewWork(t, loopbackSize)
	from, to := Loopback(t)
	return Comparison{
		Name: "uTP over loopback, 256 MiB", Unit: "MB/s",
		Contenders: overUTP(potluck, map[string]float64{"potluck -> potluck": 8}, func(t testing.TB, seed, leech Client) float64 {
			return Transfer(t, work, seed, leech, from, to)
		}),
	}
}

// UTPLossy is uTP over a long way on which packets get lost: with 100 ms there and back, and 5 % lost each way.
func UTPLossy(t testing.TB, potluck Potluck) Comparison {
	work := NewWork(t, lossySize)
	goals := map[string]float64{"libtorrent -> potluck": 0.9, "potluck -> libtorrent": 0.9, "potluck -> potluck": 0.9}
	// Each throws its dice anew, and all of a round the same.
	runs := 0
	return Comparison{
		Name: "uTP over 100 ms (round trip) with 5 % loss each way, 1 MiB", Unit: "MB/s",
		Contenders: overUTP(potluck, goals, func(t testing.TB, seed, leech Client) float64 {
			round := runs / 4
			runs++
			from, to, _ := Apart(t, lab.Line{Delay: 50 * time.Millisecond, Loss: 0.05, Rate: 20e6, Queue: 2e6, Seed: uint64(round)})
			return Transfer(t, work, seed, leech, from, to)
		}),
	}
}
