package tracker

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// Status tells about each tracker what its lanes know together, in the order of the tiers.
func (a *Announcer) Status() []Status {
	byURL := map[string]*summary{}
	var list []*summary
	a.groups(func(_ *lane, g *group) {
		g.entries(func(e *entry) {
			s := byURL[e.server.URL]
			if s == nil {
				s = &summary{Status: silent(e.server, e.tier)}
				byURL[e.server.URL] = s
				list = append(list, s)
			}
			s.add(e, a.nextOf(g, e))
		})
	})
	slices.SortStableFunc(list, func(x, y *summary) int { return x.Tier - y.Tier })
	out := make([]Status, len(list))
	for i, s := range list {
		out[i] = s.Status
	}
	return out
}

// silent is the status of a tracker that has said nothing.
func silent(s Server, tier int) Status {
	return Status{url: s.URL, URL: printable(s.URL), Tier: tier, Seeders: -1, Leechers: -1}
}

// Unasked is the status of trackers while the object is not announced. See [Scraper.Complete].
func Unasked(tiers [][]Server) []Status {
	var list []Status
	for i, t := range distinct(tiers) {
		for _, s := range t {
			list = append(list, silent(s, i))
		}
	}
	return list
}

// summary is the status of a tracker while lanes are counted in.
type summary struct {
	Status
	answers bool // on some lane
}

// nextOf is when the group asks this tracker again, as far as can be told.
func (a *Announcer) nextOf(g *group, e *entry) time.Time {
	switch {
	case g.busy != nil:
		return time.Time{}
	case e.err != nil:
		return e.retry
	case e.started && g.tiers[0][0] == e:
		return a.due(g)
	}
	return time.Time{}
}

// add counts in what one more lane knows. An error shows only while no lane gets through, and the lack of an address of one
// family only if there is no other error.
func (s *summary) add(e *entry, next time.Time) {
	// Of a tracker that answers, the time at which it is tried over the other family is of no interest.
	answers := e.started && e.err == nil
	switch {
	case answers && !s.answers:
		s.Next = next
	case answers == s.answers && !next.IsZero() && (s.Next.IsZero() || next.Before(s.Next)):
		s.Next = next
	}
	if e.announced.After(s.Announced) {
		s.Announced = e.announced
	}
	s.Seeders, s.Leechers = max(s.Seeders, e.seeders), max(s.Leechers, e.leechers)
	s.Peers += e.peers
	if e.warning != "" {
		s.Warning = content.Printable(e.warning)
	}
	s.answers = s.answers || answers
	switch {
	case s.answers:
		s.Err = nil
	case e.err != nil && (s.Err == nil || noRoute(s.Err)):
		s.Err = e.err
	}
}

// printable is a tracker's URL without what may be a key.
func printable(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return content.Printable(raw[:min(len(raw), wire.MaxText)])
	}
	s := urls.Printable(u)
	return strings.TrimSuffix(s[:min(len(s), wire.MaxText)], "/")
}
