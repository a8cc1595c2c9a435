package tracker_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// busy counts the requests that a tracker answers at once.
type busy struct {
	mu              sync.Mutex
	now, most, seen int
}

func (b *busy) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now++
	b.seen++
	b.most = max(b.most, b.now)
}

func (b *busy) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now--
}

func (b *busy) counts() (most, seen int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most, b.seen
}

// TestManyAtRest: "An idle object is a row in the catalog: no goroutine, timer or open file."
func TestManyAtRest(t *testing.T) {
	const objects = 20_000
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var announces int
		u := newUDPTracker(t, host, "1.1.1.1:6969")
		u.reply = func([]byte, netip.AddrPort) (wire.Action, []byte) {
			announces++
			return wire.ActionAnnounce, []byte{0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 1} // interval 30 minutes
		}
		c := newClient(t, us)
		defer c.Close()
		r, stop := running(t, c)
		synctest.Wait()
		goroutines := runtime.NumGoroutine()
		all := make([]*tracker.Announced, objects)
		for i := range all {
			all[i] = object(seed)
			p := planOf("udp://1.1.1.1:6969/announce")
			p.Hashes = [][20]byte{{byte(i), byte(i >> 8)}}
			r.Announce(all[i], p)
		}
		synctest.Wait()
		if announces != objects {
			t.Errorf("%d announces", announces)
		}
		if more := runtime.NumGoroutine() - goroutines; more > 0 {
			t.Errorf("%d goroutines more", more)
		}
		<-time.After(5 * time.Minute)
		if announces != objects {
			t.Errorf("%d announces within the interval", announces)
		}
		for _, o := range all {
			if s := r.Status(o); len(s) != 1 || s[0].Err != nil || s[0].Seeders != 1 {
				t.Fatalf("%+v", s)
			}
		}
		stop()
		if announces != 2*objects {
			t.Errorf("%d announces in the end", announces)
		}
	})
}

// TestAnnouncesToOneHostWaitForEachOther: however many objects there are, a host has four of our requests at once; and one that
// is slow holds up nobody who is asked elsewhere.
func TestAnnouncesToOneHostWaitForEachOther(t *testing.T) {
	const objects = 50
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us := w.Host("8.8.4.4")
		serve := func(ip string, takes time.Duration) *busy {
			var b busy
			httpTracker(t, w.Host(ip), ip+":80", func(rw http.ResponseWriter, r *http.Request) {
				b.begin()
				defer b.end()
				select {
				case <-time.After(takes):
				case <-r.Context().Done():
				}
				_, _ = rw.Write([]byte("d8:intervali3600ee"))
			})
			return &b
		}
		slow, quick := serve("1.1.1.1", 20*time.Second), serve("1.1.1.2", 10*time.Millisecond)
		c := newClient(t, us)
		defer c.Close()
		r, stop := running(t, c)
		for range objects {
			r.Announce(object(seed), planOf("http://1.1.1.1/announce", "http://1.1.1.2/announce"))
		}
		<-time.After(time.Second)
		if most, seen := quick.counts(); most != 4 || seen != objects {
			t.Errorf("the quick one had %d, %d at once", seen, most)
		}
		if most, seen := slow.counts(); most != 4 || seen != 4 {
			t.Errorf("the slow one had %d, %d at once", seen, most)
		}
		<-time.After(5 * time.Minute)
		if most, seen := slow.counts(); most != 4 || seen != objects {
			t.Errorf("the slow one had %d, %d at once", seen, most)
		}
		stop()
	})
}

// TestLastWord: who is announced again has taken his leave before, if he has at all.
func TestLastWord(t *testing.T) {
	const a, b = "http://1.1.1.1/a", "http://1.1.1.1/b"
	wait := func(*tracker.Runner, *tracker.Announced) { synctest.Wait() }
	pass := func(*tracker.Runner, *tracker.Announced) { <-time.After(time.Minute) }
	announce := func(url string) func(*tracker.Runner, *tracker.Announced) {
		return func(r *tracker.Runner, o *tracker.Announced) { r.Announce(o, planOf(url)) }
	}
	silence, retire := (*tracker.Runner).Silence, (*tracker.Runner).Retire
	type step = func(*tracker.Runner, *tracker.Announced)
	for name, x := range map[string]struct {
		steps []step
		want  []string // before the runner is stopped
		last  []string // when it is
	}{
		"replaced":                 {[]step{announce(a), pass, announce(b)}, []string{"/a started", "/b started"}, []string{"/b stopped"}},
		"replaced at once":         {[]step{announce(a), announce(b)}, []string{"/b started"}, []string{"/b stopped"}},
		"replaced while asked":     {[]step{announce(a), wait, announce(b)}, []string{"/a started", "/b started"}, []string{"/b stopped"}},
		"silenced":                 {[]step{announce(a), pass, silence}, []string{"/a started", "/a stopped"}, nil},
		"silenced twice":           {[]step{announce(a), pass, silence, wait, silence}, []string{"/a started", "/a stopped"}, nil},
		"silenced at once":         {[]step{announce(a), silence}, nil, nil},
		"silenced while asked":     {[]step{announce(a), wait, silence}, []string{"/a started", "/a stopped"}, nil},
		"announced again":          {[]step{announce(a), pass, silence, announce(a)}, []string{"/a started", "/a stopped", "/a started"}, []string{"/a stopped"}},
		"again during the leave":   {[]step{announce(a), pass, silence, wait, announce(a)}, []string{"/a started", "/a stopped", "/a started"}, []string{"/a stopped"}},
		"silenced again before it": {[]step{announce(a), pass, silence, wait, announce(a), silence}, []string{"/a started", "/a stopped"}, nil},
		"retired":                  {[]step{announce(a), pass, retire, announce(b), retire}, []string{"/a started", "/a stopped"}, nil},
		"retired unannounced":      {[]step{retire, announce(a)}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
				var log told
				slowTracker(t, host, "1.1.1.1:80", &log)
				c := newClient(t, us)
				defer c.Close()
				r, stop := running(t, c)
				o := object(seed)
				for _, s := range x.steps {
					s(r, o)
				}
				<-time.After(time.Minute)
				if got := log.take(); !slices.Equal(got, x.want) {
					t.Errorf("told %q, want %q", got, x.want)
				}
				stop()
				if got := log.take(); !slices.Equal(got, x.last) {
					t.Errorf("told %q at the end, want %q", got, x.last)
				}
				r.Announce(object(seed), planOf(a)) // is too late
				r.Retire(o)
			})
		})
	}
}

// TestLeaveTakesThreeSeconds: a tracker that is still asked when the object leaves hears that too, and is given three seconds to.
func TestLeaveTakesThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var log told
		httpTracker(t, host, "1.1.1.1:80", func(_ http.ResponseWriter, r *http.Request) {
			log.add("%s", r.URL.Query().Get("event"))
			<-r.Context().Done()
		})
		c := newClient(t, us)
		defer c.Close()
		r, stop := running(t, c)
		o := object(seed)
		r.Announce(o, planOf("http://1.1.1.1/announce"))
		<-time.After(time.Second)
		start := time.Now()
		r.Retire(o)
		if took := time.Since(start); took != 3*time.Second {
			t.Error("took", took)
		}
		if got, want := log.take(), []string{"started", "stopped"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		if r.Status(o) != nil {
			t.Error("announced when it is gone")
		}
		stop()
	})
}

// slowTracker answers after a second, and tells who asked for what.
func slowTracker(t *testing.T, host *netxtest.Host, addr string, log *told) {
	httpTracker(t, host, addr, func(rw http.ResponseWriter, r *http.Request) {
		log.add("%s %s", r.URL.Path, r.URL.Query().Get("event"))
		<-time.After(time.Second)
		_, _ = rw.Write([]byte("d8:intervali3600ee"))
	})
}

// TestPanicStaysWithItsObject: an object whose facts cannot be had is announced no more, and the others are.
func TestPanicStaysWithItsObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var log told
		slowTracker(t, host, "1.1.1.1:80", &log)
		c := newClient(t, us)
		defer c.Close()
		r, stop := running(t, c)
		var broken atomic.Bool
		var panics atomic.Int64
		bad := tracker.NewAnnounced(tracker.Task{
			Stats: func() tracker.Stats {
				if broken.Load() {
					panic("no facts")
				}
				return tracker.Stats{}
			},
			Guarded: func(work func()) {
				defer func() {
					if recover() != nil {
						panics.Add(1)
					}
				}()
				work()
			},
		})
		var urls []string
		for i := range 6 {
			urls = append(urls, fmt.Sprint("http://1.1.1.1/bad", i))
		}
		r.Announce(bad, planOf(urls...))
		synctest.Wait() // four are asked, two wait
		broken.Store(true)
		r.Wake(bad)
		r.Announce(object(seed), planOf("http://1.1.1.1/good"))
		<-time.After(time.Minute)
		got := log.take()
		slices.Sort(got)
		if len(got) != 5 || got[4] != "/good started" {
			t.Errorf("told %q", got)
		}
		if panics.Load() == 0 || r.Status(bad) != nil {
			t.Errorf("%d panics, %v", panics.Load(), r.Status(bad))
		}
		r.Retire(bad)
		stop()
	})
}
