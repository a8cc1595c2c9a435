package presence

import (
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/node/news"
)

// Unsaid reports whether it takes a scrape to know how the object is doing: it is not announced now, or an announce did not say.
func (t *Trackers) Unsaid() bool {
	status := t.runner.Status(t.object)
	return status == nil || lacking(status)
}

// lacking reports whether a tracker answered and did not say how many there are.
func lacking(list []tracker.Status) bool {
	for _, s := range list {
		if !s.Announced.IsZero() && (s.Seeders < 0 || s.Leechers < 0) {
			return true
		}
	}
	return false
}

// Status is how each tracker of a plan is doing as a user sees it, with what scrapes have told of it.
func (t *Trackers) Status(plan tracker.Plan, scraper *tracker.Scraper) []news.Tracker {
	status := t.runner.Status(t.object)
	if status == nil {
		status = tracker.Unasked(plan.Tiers)
	}
	scraper.Complete(status, plan.Hashes)
	var list []news.Tracker
	for _, s := range status {
		n := news.Tracker{URL: s.URL, Tier: s.Tier, Next: s.Next, Seeders: s.Seeders, Leechers: s.Leechers, Peers: s.Peers, Announced: s.Announced}
		if s.Err != nil {
			n.Error = s.Err.Error()
		}
		list = append(list, n)
	}
	return list
}
