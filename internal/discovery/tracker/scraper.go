package tracker

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

const (
	// look is how often the scraper asks for its subjects; firstLook leaves the time to open them all.
	look      = time.Minute
	firstLook = 10 * time.Second
	// scrapePatience bounds the scrape of one tracker over one family.
	scrapePatience = 40 * time.Second
	// maxScrapes bounds the scrapes that are under way.
	maxScrapes = 4
)

// Scraper asks trackers how objects are doing that are not announced, or of which an announce did not say (BEP 48): seldom,
// and about all of them at once.
type Scraper struct {
	client *Client

	mu     sync.Mutex
	census *census
}

// NewScraper makes a scraper; nothing happens before Run. Rand is used by the scraper alone.
func NewScraper(c *Client, rng *rand.Rand) *Scraper {
	return &Scraper{client: c, census: newCensus(rng)}
}

// Run scrapes until ctx ends. Subjects is called by the goroutine of Run only; what it leaves out is forgotten.
func (s *Scraper) Run(ctx context.Context, subjects func() []Subject) {
	timer := time.NewTimer(firstLook)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		errands := s.census.due(time.Now(), subjects())
		s.mu.Unlock()
		s.runAll(ctx, errands)
		timer.Reset(look)
	}
}

// runAll runs some errands at a time.
func (s *Scraper) runAll(ctx context.Context, errands []errand) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxScrapes)
	for _, e := range errands {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			list, err := s.scrape(ctx, e)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.census.done(time.Now(), e, list, err)
		})
	}
}

// scrape asks over the one family or the other: what a tracker knows does not depend on it.
func (s *Scraper) scrape(ctx context.Context, e errand) (list []wire.Scrape, err error) {
	for _, f := range []netx.Family{netx.IPv4, netx.IPv6} {
		within, cancel := context.WithTimeout(ctx, scrapePatience)
		list, err = s.client.Scrape(within, e.server, f, e.hashes)
		cancel()
		if !noRoute(err) {
			break
		}
	}
	return list, err
}

// Complete puts what scrapes said about the info-hashes where the trackers' status lacks it. Partial seeds do not count as
// leechers where the tracker knows them (BEP 21).
func (s *Scraper) Complete(list []Status, hashes [][20]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range list {
		t := &list[i]
		said := s.census.about(t.url, hashes)
		if t.Seeders < 0 {
			t.Seeders = said.Seeders
		}
		if t.Leechers < 0 {
			if t.Leechers = said.Leechers; said.Downloaders >= 0 {
				t.Leechers = said.Downloaders
			}
		}
	}
}
