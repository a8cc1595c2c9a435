package node

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// log of what a tracker was asked.
type asked struct {
	mu   sync.Mutex
	list []string
}

func (a *asked) add(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, fmt.Sprintf(format, args...))
}

func (a *asked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.list
	a.list = nil
	return list
}

func isScrape(s string) bool { return strings.HasPrefix(s, "scrape") }

// tracker runs an HTTP tracker that knows five seeders and six leechers of everything and tells no peers, until the test
// ends.
func (h *house) tracker(ip string) (url string, log *asked) {
	h.t.Helper()
	l, err := h.world.Host(ip).ListenTCP(h.t.Context(), netip.MustParseAddrPort(ip+":80"))
	if err != nil {
		h.t.Fatal(err)
	}
	log = &asked{}
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/scrape" {
			log.add("%s left %s", q.Get("event"), q.Get("left"))
			_, _ = rw.Write([]byte("de"))
			return
		}
		log.add("scrape of %d", len(q["info_hash"]))
		files := ""
		for _, hash := range q["info_hash"] {
			files += "20:" + hash + "d8:completei5e10:incompletei6ee"
		}
		_, _ = rw.Write([]byte("d5:filesd" + files + "ee"))
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	h.t.Cleanup(func() {
		srv.Close()
		running.Wait()
	})
	return "http://" + ip + "/announce", log
}

// TestScrape: trackers are asked, in one go, about objects that are paused, and about those of which their announces did not
// say; about private ones never.
func TestScrape(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
		url, log := h.tracker("1.1.9.9")
		n := h.fetcher("1.1.1.1")
		h.req.Trackers = []string{url}
		share := func(name string, private bool) Object {
			h.req.Name, h.req.Private = name, private
			return h.share(n)
		}
		paused, announced, private := share("one", false), share("two", false), share("three", true)
		for _, o := range []Object{paused, private} {
			if err := n.Pause(o.ID); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(20 * time.Minute)
		counts := func(o Object) (seeders, leechers int) {
			o, err := n.Object(o.ID)
			if err != nil || len(o.Trackers) != 1 {
				t.Fatal(o.Trackers, err)
			}
			return o.Trackers[0].Seeders, o.Trackers[0].Leechers
		}
		for _, o := range []Object{paused, announced} {
			if s, l := counts(o); s != 5 || l != 6 {
				t.Errorf("%s: %d seeders, %d leechers", o.Name, s, l)
			}
		}
		if s, l := counts(private); s != -1 || l != -1 {
			t.Errorf("private: %d seeders, %d leechers", s, l)
		}
		scrapes := slices.DeleteFunc(log.take(), func(s string) bool { return !isScrape(s) })
		if !slices.Equal(scrapes, []string{"scrape of 2"}) {
			t.Errorf("scrapes %q", scrapes)
		}
	})
}

// TestPartialSeedAnnounces (BEP 21): who has all that it wants of an object, though not all, is no seed to the trackers.
func TestPartialSeedAnnounces(t *testing.T) {
	inHouse(t, "v2", map[string]int{"a": 64 << 10, "b": 96 << 10}, func(t *testing.T, h *house) {
		url, log := h.tracker("1.1.9.9")
		n := h.fetcher("1.1.1.1")
		o := h.get(n, func(r *GetRequest) { r.Torrent, r.Select, r.Trackers = h.torrent(), []string{"a"}, []string{url} })
		untilDone(t, n, o.ID)
		<-time.After(time.Minute)
		got := slices.DeleteFunc(log.take(), isScrape)
		if want := []string{fmt.Sprintf("started left %d", 160<<10), fmt.Sprintf("paused left %d", 96<<10)}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}
