package tracker

import (
	"errors"
	"math/rand/v2"
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

const (
	// scrapeEvery is how long a tracker is left alone between two scrapes at least, and a little more by lot.
	scrapeEvery = 30 * time.Minute
	// scrapeRarely is how long one is left alone that has no scrape, or keeps failing.
	scrapeRarely = 24 * time.Hour
	// maxScraped bounds the info-hashes that one tracker is asked about.
	maxScraped = 2000
)

// Subject is an object of which the trackers are to be asked how it is doing.
type Subject struct {
	Tiers  [][]Server
	Hashes [][20]byte
}

// census knows what trackers said of objects that they were asked about, and decides when to ask again. It does no I/O and
// its clock is handed in.
type census struct {
	rng      *rand.Rand
	trackers map[string]*register // by URL
}

// register is what one tracker said.
type register struct {
	next  time.Time // not to be asked before
	fails int
	said  map[[20]byte]wire.Scrape
}

// errand is a scrape to be made.
type errand struct {
	server Server
	hashes [][20]byte
}

func newCensus(rng *rand.Rand) *census {
	return &census{rng: rng, trackers: make(map[string]*register)}
}

// due returns the scrapes to make now, one for each tracker: each must be answered by done. What is not about a subject is
// forgotten; a tracker itself is remembered for as long as it must be left alone.
func (c *census) due(now time.Time, subjects []Subject) []errand {
	asked, order := wanted(subjects)
	for url, r := range c.trackers {
		if asked[url] == nil && !now.Before(r.next) {
			delete(c.trackers, url)
		}
	}
	var list []errand
	for _, url := range order {
		e := asked[url]
		r := c.trackers[url]
		if r == nil {
			r = &register{}
			c.trackers[url] = r
		}
		said := make(map[[20]byte]wire.Scrape)
		for _, h := range e.hashes {
			if s, ok := r.said[h]; ok {
				said[h] = s
			}
		}
		r.said = said
		if !now.Before(r.next) {
			r.next = now.Add(scrapeEvery + time.Duration(c.rng.Int64N(int64(scrapeEvery)/4)))
			list = append(list, *e)
		}
	}
	return list
}

// wanted turns subjects into what each tracker is to be asked, and the order of the trackers.
func wanted(subjects []Subject) (asked map[string]*errand, order []string) {
	asked = make(map[string]*errand)
	for _, s := range subjects {
		for _, tier := range distinct(s.Tiers) {
			for _, server := range tier {
				e := asked[server.URL]
				if e == nil {
					e = &errand{server: server}
					asked[server.URL] = e
					order = append(order, server.URL)
				}
				e.server.Trusted = e.server.Trusted || server.Trusted
				e.hashes = append(e.hashes, s.Hashes[:min(len(s.Hashes), maxScraped-len(e.hashes))]...)
			}
		}
	}
	return asked, order
}

// done says how an errand ended.
func (c *census) done(now time.Time, e errand, list []wire.Scrape, err error) {
	r := c.trackers[e.server.URL]
	if r == nil {
		return
	}
	if err != nil {
		r.fails++
		wait := scrapeRarely
		if r.fails < 6 && !errors.Is(err, ErrNoScrape) {
			wait = scrapeEvery << r.fails
		}
		r.next = now.Add(wait)
		return
	}
	r.fails = 0
	for i, h := range e.hashes {
		r.said[h] = list[i]
	}
}

// about is what a tracker said about info-hashes together: the larger number counts, for the peers of a hybrid may be in the
// swarms of both of its hashes.
func (c *census) about(url string, hashes [][20]byte) wire.Scrape {
	sum := wire.Unsaid
	r := c.trackers[url]
	if r == nil {
		return sum
	}
	for _, h := range hashes {
		if s, ok := r.said[h]; ok {
			sum.Seeders, sum.Leechers = max(sum.Seeders, s.Seeders), max(sum.Leechers, s.Leechers)
			sum.Downloaders = max(sum.Downloaders, s.Downloaders)
		}
	}
	return sum
}
