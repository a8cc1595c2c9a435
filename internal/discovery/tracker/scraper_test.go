package tracker_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// scraping runs a scraper over subjects until stop is called.
func scraping(t *testing.T, c *tracker.Client, subjects func() []tracker.Subject) (s *tracker.Scraper, stop func()) {
	t.Helper()
	s = tracker.NewScraper(c, rand.New(rand.NewPCG(1, 1)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx, subjects) }()
	return s, func() { cancel(); <-done }
}

func hash(i int) [20]byte { return [20]byte{byte(i >> 8), byte(i)} }

// TestScraperAsksSeldomAndAboutAll: one request in half an hour for all objects of a tracker, and nothing said is lost.
func TestScraperAsksSeldomAndAboutAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var scrapes []int
		httpTracker(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			asked := r.URL.Query()["info_hash"]
			scrapes = append(scrapes, len(asked))
			files := ""
			for _, h := range asked {
				if h[1] != 7 {
					files += fmt.Sprintf("20:%sd8:completei%de11:downloadersi2e10:incompletei5ee", h, h[1])
				}
			}
			_, _ = rw.Write([]byte("d5:filesd" + files + "ee"))
		})
		u := newUDPTracker(t, host, "1.1.1.1:6969")
		u.reply = func(b []byte, _ netip.AddrPort) (wire.Action, []byte) {
			out, _ := hex.DecodeString("00000003" + "00000002" + "00000004")
			return wire.ActionScrape, slices.Repeat(out, (len(b)-16)/20)
		}
		c := newClient(t, us)
		defer c.Close()
		tiers := [][]tracker.Server{{{URL: "http://1.1.1.1/announce?passkey=k"}, {URL: "udp://1.1.1.1:6969/announce"}}, {{URL: "http://1.1.1.1/x"}}}
		var count atomic.Int64
		count.Store(20)
		s, stop := scraping(t, c, func() (list []tracker.Subject) {
			for i := range int(count.Load()) {
				list = append(list, tracker.Subject{Tiers: tiers, Hashes: [][20]byte{hash(i)}})
			}
			return list
		})
		defer stop()
		about := func(hashes ...[20]byte) (text string) {
			list := tracker.Unasked(tiers)
			s.Complete(list, hashes)
			for _, x := range list {
				text += fmt.Sprintf("%d %s %d/%d ", x.Tier, x.URL, x.Seeders, x.Leechers)
			}
			return text
		}
		expect := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
			}
		}
		const unknown = "0 http://1.1.1.1/announce -1/-1 0 udp://1.1.1.1:6969/announce -1/-1 1 http://1.1.1.1/x -1/-1 "
		expect("before", about(hash(1)), unknown)
		<-time.After(25 * time.Minute)
		expect("one", about(hash(1)), "0 http://1.1.1.1/announce 1/2 0 udp://1.1.1.1:6969/announce 3/4 1 http://1.1.1.1/x -1/-1 ")
		expect("a hybrid", about(hash(1), hash(9)), "0 http://1.1.1.1/announce 9/2 0 udp://1.1.1.1:6969/announce 3/4 1 http://1.1.1.1/x -1/-1 ")
		expect("not known to one", about(hash(7)), "0 http://1.1.1.1/announce -1/-1 0 udp://1.1.1.1:6969/announce 3/4 1 http://1.1.1.1/x -1/-1 ")
		expect("not asked", about(hash(100)), unknown)
		if !slices.Equal(scrapes, []int{20}) {
			t.Error("scrapes over HTTP within the first half hour:", scrapes)
		}
		if got := u.packets(); !slices.Equal(got, []wire.Action{wire.ActionConnect, wire.ActionScrape}) {
			t.Error("packets within the first half hour:", got)
		}
		<-time.After(9*time.Hour + 35*time.Minute)
		if len(scrapes) < 16 || len(scrapes) > 20 {
			t.Errorf("%d scrapes in ten hours", len(scrapes))
		}
		// Who is forgotten is asked about no more.
		count.Store(0)
		<-time.After(2 * time.Hour)
		scrapes = nil
		<-time.After(2 * time.Hour)
		if len(scrapes) > 0 {
			t.Error("asked about nothing:", scrapes)
		}
		expect("forgotten", about(hash(1)), unknown)
	})
}

// TestScraperAndTheDead: a tracker that keeps failing is asked ever more seldom, and keeps nobody else waiting for long.
func TestScraperAndTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var failed, good atomic.Int64
		httpTracker(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/bad/scrape" {
				failed.Add(1)
				rw.WriteHeader(http.StatusInternalServerError)
				return
			}
			good.Add(1)
			_, _ = rw.Write([]byte("d5:filesd20:" + string(make([]byte, 20)) + "d8:completei1eeee"))
		})
		c := newClient(t, us)
		defer c.Close()
		tiers := [][]tracker.Server{{{URL: "http://1.1.1.1/bad/announce"}}}
		for i := range 20 {
			tiers[0] = append(tiers[0], tracker.Server{URL: fmt.Sprintf("udp://1.1.1.1:%d", 1000+i)}) // nobody is there
		}
		tiers[0] = append(tiers[0], tracker.Server{URL: "http://1.1.1.1/announce"})
		s, stop := scraping(t, c, func() []tracker.Subject { return []tracker.Subject{{Tiers: tiers, Hashes: make([][20]byte, 1)}} })
		defer stop()
		<-time.After(10 * time.Minute)
		list := tracker.Unasked(tiers)
		s.Complete(list, make([][20]byte, 1))
		if last := list[len(list)-1]; last.Seeders != 1 || last.Leechers != -1 || list[0].Seeders != -1 {
			t.Errorf("%+v", list)
		}
		<-time.After(10 * 24 * time.Hour)
		if n := failed.Load(); n < 8 || n > 20 {
			t.Errorf("asked %d times in ten days", n)
		}
		if n := good.Load(); n < 100 {
			t.Errorf("the good one was asked %d times in ten days", n)
		}
	})
}

// TestAnnouncedCountsStay: what an announce said is not replaced by what a scrape said.
func TestAnnouncedCountsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		httpTracker(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/scrape" {
				_, _ = rw.Write([]byte("d5:filesd20:\x01" + string(make([]byte, 19)) + "d8:completei8e10:incompletei9eeee"))
				return
			}
			_, _ = rw.Write([]byte("d8:completei4ee")) // of the leechers it says nothing
		})
		c := newClient(t, us)
		defer c.Close()
		plan := planOf("http://1.1.1.1/announce")
		o := object(func() tracker.Stats { return tracker.Stats{Left: 1} })
		r, leave := running(t, c)
		r.Announce(o, plan)
		s, stop := scraping(t, c, func() []tracker.Subject { return []tracker.Subject{{Tiers: plan.Tiers, Hashes: plan.Hashes}} })
		<-time.After(time.Minute)
		list := r.Status(o)
		s.Complete(list, plan.Hashes)
		if len(list) != 1 || list[0].Seeders != 4 || list[0].Leechers != 9 {
			t.Errorf("%+v", list)
		}
		stop()
		leave()
	})
}
