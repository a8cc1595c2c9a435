package dht

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Stats describe one of our nodes.
type Stats struct {
	dht.Stats
	// Reachability is whether strangers reach it, for each of Sides.
	Reachability []Reachability
}

// Stats describes our nodes, one for each socket.
func (r *Runner) Stats() (list []Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		st := Stats{Stats: m.node.Stats(time.Now())}
		for _, rule := range m.rules {
			st.Reachability = append(st.Reachability, rule.fact)
		}
		list = append(list, st)
	}
	return list
}

// rule is the one for the family of an address; nil if we have none there.
func (m *member) rule(a netip.Addr) *readOnly {
	i := slices.IndexFunc(m.rules, func(r *readOnly) bool { return r.family == krpc.FamilyOf(a) })
	if i < 0 {
		return nil
	}
	return m.rules[i]
}

// Unreached reports whether strangers do not reach us in the family of an address.
func (r *Runner) Unreached(a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	unreached := false
	for _, m := range r.members {
		if rule := m.rule(a); rule != nil {
			if rule.fact.Standing != Unreached {
				return false
			}
			unreached = true
		}
	}
	return unreached
}

// stand has the node do for others what its rules say. It returns when they are to be asked again, and whether there is news of
// how we stand.
func (m *member) stand(now time.Time) (next time.Time, news bool) {
	for i, rule := range m.rules {
		if !now.Before(rule.next()) {
			rule.advance(now, m.node.Stats(now).Sides[i])
		}
		m.node.SetMode(now, rule.family, rule.mode)
		next = sooner(next, rule.next())
		news = rule.news() || news
	}
	return next, news
}
