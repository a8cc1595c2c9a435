package bench

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	firstSize = 64 << 20
	firstRuns = 20
	// The figures of FirstMiB.
	worstFirst  = "first MiB, worst s"
	medianFirst = "first MiB, median s"
	worstGap    = "longest silence s"
)

// FirstMiB is how soon a connection is of use, and whether one ever stalls.
func FirstMiB(p Programs) Scenario {
	return Scenario{
		Name: "first", Title: "20 transfers of 64 MiB: the first MiB, and silence", By: worstFirst, Rounds: 1,
		About: "One seed, and twenty times somebody new who fetches everything through a relay (in the program that measures) which sees when " +
			"the connection comes, when the seed has sent a MiB on it, and how long it was ever silent between two reads before the end.",
		Prepare: func(t *testing.T) []Contender {
			w := NewFile(t, peers.V1, firstSize)
			var all []Contender
			for _, c := range only(everyone(p), peers.V1) {
				if !c.Dials() {
					continue
				}
				one := Contender{Name: c.Name(), Kind: Other, Run: func(t *testing.T) (Run, error) { return w.firsts(t, c) }}
				if _, ours := c.(Potluck); ours {
					one.Kind, one.Goals = Ours, []Goal{AtMost(0.1, worstFirst, Absolute), AtMost(0.5, worstGap, Absolute)}
				}
				all = append(all, one)
			}
			return all
		},
	}
}

// firsts transfers the work many times between clients of a kind.
func (w Work) firsts(t *testing.T, c Client) (Run, error) {
	seed := c.Seed(t, Job{Torrent: w.Torrent, Dir: w.Dir})
	var firsts, gaps, walls []float64
	for range firstRuns {
		relay := newRelay(t, seed.Addr)
		dir := t.TempDir()
		f := c.Fetch(t, Job{Torrent: w.Torrent, Dir: dir, From: []netip.AddrPort{relay.addr()}})
		meter := Watch()
		began := time.Now()
		f.Begin(meter)
		took, err := Wait([]Fetch{f}, began)
		meter.Stop()
		f.Stop()
		relay.close()
		if err != nil {
			return Run{}, err
		}
		w.Compare(t, dir)
		firsts, gaps = append(firsts, relay.first.Seconds()), append(gaps, relay.gap.Seconds())
		walls = append(walls, took[0].Seconds())
	}
	return Run{Figures: []Figure{
		{medianFirst, Median(firsts)}, {worstFirst, slices.Max(firsts)}, {worstGap, slices.Max(gaps)},
		{"all, median s", Median(walls)}, {"all, worst s", slices.Max(walls)},
	}}, nil
}

// relay passes connections on to a seed, and watches what the seed sends.
type relay struct {
	listener net.Listener
	to       netip.AddrPort
	running  sync.WaitGroup

	mu sync.Mutex
	// came is when the first connection came, last when something was last read from the seed.
	came, last time.Time
	sent       int
	// first is how long after the connection a MiB had been sent, gap the longest silence since then.
	first, gap time.Duration
}

func newRelay(t *testing.T, to netip.AddrPort) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", peers.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, to: to}
	r.running.Go(r.run)
	return r
}

func (r *relay) addr() netip.AddrPort { return r.listener.Addr().(*net.TCPAddr).AddrPort() }

// run passes connections on until the relay is closed.
func (r *relay) run() {
	for {
		leech, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		if r.came.IsZero() {
			r.came = time.Now()
		}
		r.mu.Unlock()
		seed, err := net.Dial("tcp", r.to.String())
		if err != nil {
			leech.Close()
			continue
		}
		r.running.Go(func() { pass(seed, leech, func(int) {}) })
		r.running.Go(func() { pass(leech, seed, r.saw) })
	}
}

// saw notes what the seed has sent.
func (r *relay) saw(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	before := r.sent
	r.sent += n
	if before < mib && r.sent >= mib {
		r.first = now.Sub(r.came)
	}
	// What is said when everything has been sent may come when it likes.
	if before >= mib && before < firstSize {
		r.gap = max(r.gap, now.Sub(r.last))
	}
	r.last = now
}

// close ends the relay; the connections end with those who hold them, the seed's with the other's.
func (r *relay) close() {
	r.listener.Close()
	r.running.Wait()
}

// pass copies from one connection to the other until either ends, and then ends both.
func pass(to, from net.Conn, saw func(n int)) {
	defer to.Close()
	defer from.Close()
	for buf := make([]byte, 256<<10); ; {
		n, err := from.Read(buf)
		saw(n)
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}
