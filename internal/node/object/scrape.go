package object

import (
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/node/news"
)

// Scraped are the objects of which trackers are asked how they are doing: those that are not announced now, and those of
// which an announce did not say. Hidden ones are their trackers' business only while they are announced.
func (rs *Rooms) Scraped() (list []tracker.Subject) {
	for _, o := range rs.Books.All() {
		plan := o.plan()
		if o.IsHidden() || len(plan.Tiers) == 0 {
			continue
		}
		if r := o.runner(); r == nil || lacking(r.Status()) {
			list = append(list, tracker.Subject{Tiers: plan.Tiers, Hashes: plan.Hashes})
		}
	}
	return list
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

func (o *Object) trackerStatus() []news.Tracker {
	plan := o.plan()
	status := tracker.Unasked(plan.Tiers)
	if r := o.runner(); r != nil {
		status = r.Status()
	}
	o.rooms.Scraper.Complete(status, plan.Hashes)
	var list []news.Tracker
	for _, s := range status {
		t := news.Tracker{URL: s.URL, Tier: s.Tier, Next: s.Next, Seeders: s.Seeders, Leechers: s.Leechers, Peers: s.Peers, Announced: s.Announced}
		if s.Err != nil {
			t.Error = s.Err.Error()
		}
		list = append(list, t)
	}
	return list
}
