package tracker_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

func planOf(urls ...string) tracker.Plan {
	var p tracker.Plan
	for _, u := range urls {
		p.Tiers = append(p.Tiers, []tracker.Server{{URL: u}})
	}
	p.Hashes = [][20]byte{{1}}
	return p
}

// running starts a runner; stop ends it, and returns when it has.
func running(t *testing.T, c *tracker.Client) (r *tracker.Runner, stop func()) {
	t.Helper()
	r = tracker.NewRunner(c, rand.New(rand.NewPCG(1, 1)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return r, func() { cancel(); <-done }
}

// object is one to be announced that has nothing to say but its facts.
func object(stats func() tracker.Stats) *tracker.Announced {
	return finder(stats, func([]netip.AddrPort) {})
}

func finder(stats func() tracker.Stats, found func([]netip.AddrPort)) *tracker.Announced {
	return tracker.NewAnnounced(tracker.Task{Key: 7, Stats: stats, Found: found, Guarded: func(work func()) { work() }})
}

// seed are the facts about an object that lacks nothing.
func seed() tracker.Stats { return tracker.Stats{Port: 6881} }

func TestRunnerFromStartToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var log told
		httpTracker(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			log.add("%s left %s want %s", q.Get("event"), q.Get("left"), q.Get("numwant"))
			// A good peer, one in a private network, ourselves, and one without port.
			_, _ = rw.Write([]byte("d8:intervali600e12:min intervali120e5:peers24:" +
				"\x02\x02\x02\x02\x1a\xe1\x0a\x00\x00\x01\x1a\xe1\x08\x08\x04\x04\x1a\xe1\x03\x03\x03\x03\x00\x00e"))
		})
		c := newClient(t, us)
		defer c.Close()
		r, stop := running(t, c)
		var left, hungry atomic.Int64
		left.Store(9)
		facts := func() tracker.Stats {
			return tracker.Stats{
				Left: left.Load(), Want: 30, Hungry: hungry.Load() > 0,
				Own: []netip.AddrPort{netip.MustParseAddrPort("8.8.4.4:6881")},
			}
		}
		var (
			mu    sync.Mutex
			peers []netip.AddrPort
		)
		o := finder(facts, func(p []netip.AddrPort) {
			mu.Lock()
			defer mu.Unlock()
			peers = append(peers, p...)
		})
		r.Announce(o, planOf("http://1.1.1.1/announce"))
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if got := log.take(); !slices.Equal(got, want) {
				t.Errorf("told %v, want %v", got, want)
			}
		}
		expect("started left 9 want 30")
		<-time.After(10 * time.Minute)
		expect(" left 9 want 30")
		hungry.Store(1)
		<-time.After(2 * time.Minute)
		r.Wake(o)
		expect(" left 9 want 30")
		left.Store(0)
		hungry.Store(0)
		r.Wake(o)
		expect("completed left 0 want 30")
		mu.Lock()
		if len(peers) != 4 || peers[0] != netip.MustParseAddrPort("2.2.2.2:6881") || peers[3] != peers[0] {
			t.Error(peers)
		}
		mu.Unlock()
		if s := r.Status(o); len(s) != 1 || s[0].Err != nil || s[0].Peers != 3 || time.Until(s[0].Next) != 10*time.Minute {
			t.Errorf("%+v", s)
		}
		stop()
		expect("stopped left 0 want 0")
	})
}

// A program that is told to end does so, whatever its trackers do.
func TestRunnerStopsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var asked atomic.Int64
		httpTracker(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			if asked.Add(1) > 1 {
				<-r.Context().Done() // silent from the second announce on
				return
			}
			_, _ = rw.Write([]byte("de"))
		})
		c := newClient(t, us)
		defer c.Close()
		r, stop := running(t, c)
		r.Announce(object(seed), planOf("http://1.1.1.1/announce", "udp://1.1.1.1:9/announce", "http://1.1.1.3/announce"))
		<-time.After(time.Second)
		start := time.Now()
		stop()
		if took := time.Since(start); took > 3*time.Second {
			t.Error("took", took)
		}
		if asked.Load() != 2 {
			t.Error("asked", asked.Load(), "times")
		}
	})
}

func TestRunnerSurvivesTheTrackersReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		w.SetLink(us, host, netxtest.Link{Cut: true})
		httpTracker(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = rw.Write([]byte("d5:peers6:\x02\x02\x02\x02\x1a\xe1e"))
		})
		c := newClient(t, us)
		defer c.Close()
		r, stop := running(t, c)
		found := make(chan []netip.AddrPort, 1)
		o := finder(seed, func(p []netip.AddrPort) { found <- p })
		r.Announce(o, planOf("http://1.1.1.1/announce"))
		<-time.After(5 * time.Minute)
		if s := r.Status(o); s[0].Err == nil {
			t.Error("no error while the tracker is away")
		}
		w.SetLink(us, host, netxtest.Link{})
		mended := time.Now()
		<-found
		if took := time.Since(mended); took > 10*time.Minute {
			t.Error("came back after", took)
		}
		synctest.Wait()
		if s := r.Status(o); s[0].Err != nil {
			t.Error(s[0].Err)
		}
		stop()
	})
}
