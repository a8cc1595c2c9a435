package bench

import (
	"io"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	// loopbackSize takes libtorrent ten seconds over loopback, lossySize a quarter of a minute over the line.
	loopbackSize = 256 << 20
	lossySize    = 1 << 20
	// yieldSize takes TCP some seconds over the line of UTPYields. What it shares the line with takes much longer.
	yieldSize = 4 << 20
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

// UTPYields is what is left to TCP on a home's uplink that uTP has filled: nearly all of it.
func UTPYields(t testing.TB, potluck Potluck) Comparison {
	work := NewWork(t, 16*yieldSize)
	uplink := lab.Line{Delay: 20 * time.Millisecond, Rate: 1e6, Queue: 500e3}
	beside := func(c Client) func(t testing.TB) float64 {
		return func(t testing.TB) float64 {
			from, to, cable := Apart(t, uplink)
			defer c.Seed(t, from, work)()
			defer c.Fetch(t, to, work, t.TempDir(), from.Addr).Stop()
			peers.Wait(t, patience, "uTP to be at work", func() (bool, any) {
				there, _ := cable.Counts()
				return there.Passed > 2000, there
			})
			return overTCP(t, from, to)
		}
	}
	return Comparison{
		Name: "TCP on a line of 1 MB/s, 4 MiB", Unit: "MB/s",
		Contenders: []Contender{
			{"alone", 0, func(t testing.TB) float64 { from, to, _ := Apart(t, uplink); return overTCP(t, from, to) }},
			{"beside libtorrent over uTP", 0, beside(Libtorrent{})},
			{"beside potluck over uTP", 0.8, beside(potluck)},
		},
	}
}

// overTCP is how fast a plain connection is, in MB/s.
func overTCP(t testing.TB, from, to Place) float64 {
	t.Helper()
	listener, err := to.Host.Listen("tcp", ":5001")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	start := time.Now()
	conn, err := from.Host.Dial(t.Context(), "tcp", to.Addr.Addr().String()+":5001")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer conn.Close()
		_, _ = conn.Write(make([]byte, yieldSize))
	}()
	heard, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	if n, err := io.Copy(io.Discard, heard); err != nil || n != yieldSize {
		t.Fatalf("%d bytes came over TCP: %v", n, err)
	}
	return yieldSize / 1e6 / time.Since(start).Seconds()
}
