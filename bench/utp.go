package bench

import (
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	// loopbackSize takes libtorrent the better part of a minute over loopback, lossySize a quarter of one over the line.
	loopbackSize = 256 << 20
	lossySize    = 1 << 20
	// yieldSize takes TCP some seconds over the line of UTPYields. What it shares the line with takes much longer.
	yieldSize = 4 << 20
)

// pairings are the ways in which potluck and libtorrent transfer something between each other, the first libtorrent alone. What
// is ours has these goals.
func pairings(p Programs, goals []Goal, run func(t *testing.T, seed, leech Client) (Run, error)) []Contender {
	lt, we := Others{peers.Libtorrent}, Potluck{p.Potluck, []string{plainRequests}}
	var all []Contender
	for _, pair := range [][2]Client{{lt, lt}, {lt, we}, {we, lt}, {we, we}} {
		c := Contender{
			Name: pair[0].Name() + " -> " + pair[1].Name(), Kind: Ours, Goals: goals,
			Run: func(t *testing.T) (Run, error) { return run(t, pair[0], pair[1]) },
		}
		if len(all) == 0 {
			c.Kind, c.Goals = Other, nil
		}
		all = append(all, c)
	}
	return all
}

// UTPLoopback is uTP where nothing is in its way but the system.
func UTPLoopback(p Programs, f peers.Format) Scenario {
	return Scenario{
		Name: "utp-" + string(f), Title: "1 -> 1, 256 MiB, " + string(f) + ", uTP over loopback",
		About: "TCP to the port is refused. Smaller than over TCP, since 2 GiB would take libtorrent some minutes.",
		Prepare: func(t *testing.T) []Contender {
			work := NewFile(t, f, loopbackSize)
			all := pairings(p, nil, func(t *testing.T, seed, leech Client) (Run, error) {
				from, to := Loopback(t)
				return work.Transfer(t, seed, leech, Route{Way: Way{UTP: true}, From: from, To: to})
			})
			all[len(all)-1].Goals = []Goal{AtLeast(8, Rate, OfOthers)}
			return all
		},
	}
}

// UTPLossy is uTP over a long way on which packets get lost: with 100 ms there and back, and 5 % lost each way.
func UTPLossy(p Programs) Scenario {
	return Scenario{
		Name: "utp-lossy", Title: "1 -> 1, 1 MiB, uTP over 100 ms with 5 % loss", Rounds: 3,
		About: "50 ms and 5 % loss each way, 20 MB/s. Each round throws the dice anew, for all the same.",
		Prepare: func(t *testing.T) []Contender {
			work := NewFile(t, peers.V1, lossySize)
			runs := map[[2]string]uint64{}
			return pairings(p, []Goal{AtLeast(0.9, Rate, OfOthers)}, func(t *testing.T, seed, leech Client) (Run, error) {
				pair := [2]string{seed.Name(), leech.Name()}
				round := runs[pair]
				runs[pair]++
				from, to, _ := Apart(t, lab.Line{Delay: 50 * time.Millisecond, Loss: 0.05, Rate: 20e6, Queue: 2e6, Seed: round})
				return work.Transfer(t, seed, leech, Route{Way: Way{UTP: true}, From: from, To: to})
			})
		},
	}
}

// UTPYields is what is left to TCP on a home's uplink that uTP has filled: nearly all of it.
func UTPYields(p Programs) Scenario {
	return Scenario{
		Name: "utp-yields", Title: "4 MiB over TCP beside uTP on a line of 1 MB/s", Rounds: 3,
		About: "A home's uplink: 20 ms each way, half a second of queue, filled by an upload over uTP. Measured is a plain TCP connection " +
			"beside it. The floor is the same without the upload.",
		Prepare: func(t *testing.T) []Contender {
			work := NewFile(t, peers.V1, 16*yieldSize)
			uplink := lab.Line{Delay: 20 * time.Millisecond, Rate: 1e6, Queue: 500e3}
			beside := func(c Client) func(t *testing.T) (Run, error) {
				return func(t *testing.T) (Run, error) {
					from, to, cable := Apart(t, uplink)
					way := Way{UTP: true}
					seed := c.Seed(t, Job{Torrent: work.Torrent, Dir: work.Dir, At: from, Way: way})
					defer seed.Stop()
					fetch := c.Fetch(t, Job{Torrent: work.Torrent, Dir: t.TempDir(), At: to, From: []netip.AddrPort{seed.Addr}, Way: way})
					meter := Watch()
					defer meter.Stop()
					fetch.Begin(meter)
					defer fetch.Stop()
					if err := waitFor(func() bool {
						there, _ := cable.Counts()
						return there.Passed > 2000
					}); err != nil {
						return Run{}, fmt.Errorf("uTP did not get to work %w", err)
					}
					return overTCP(t, from, to), nil
				}
			}
			alone := func(t *testing.T) (Run, error) {
				from, to, _ := Apart(t, uplink)
				return overTCP(t, from, to), nil
			}
			return []Contender{
				{"alone", Floor, nil, alone},
				{"beside libtorrent over uTP", Other, nil, beside(Others{peers.Libtorrent})},
				{"beside potluck over uTP", Ours, []Goal{AtLeast(0.8, Rate, OfFloor)}, beside(Potluck{path: p.Potluck})},
			}
		},
	}
}

// overTCP transfers something over a plain connection.
func overTCP(t *testing.T, from, to Place) Run {
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
	return Run{Wall: time.Since(start), Bytes: yieldSize}
}
