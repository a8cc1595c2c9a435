package object

import (
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/presence"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// newTrackers is for an object that is not announced yet.
func (o *Object) newTrackers() *presence.Trackers {
	rooms := o.rooms
	return presence.New(presence.Config{
		Runner: rooms.Announcing, PeerID: o.peerID,
		Stats: func() tracker.Stats {
			s := presence.StatsOf(o.Swarm.Snapshot(rooms.Now()), rooms.Sockets.Addrs())
			s.Port = rooms.announcedPort()
			return s
		},
		Found: func(found []netip.AddrPort) { o.Swarm.Found(swarm.FromTracker, found...) },
		Told:  rooms.HearOwn, Guarded: o.Guarded,
	})
}

// Discover announces an object at its trackers, from now until it is stopped; again, when it has got new ones.
func (o *Object) Discover() {
	if state, _ := o.Swarm.State(); !Moving(state) {
		return
	}
	if plan := o.plan(); !o.rooms.Silent && len(plan.Tiers) > 0 {
		o.trackers.Announce(plan)
	}
}

// plan says as what an object is known to which trackers.
func (o *Object) plan() tracker.Plan {
	r := o.Record()
	var tiers [][]string
	for _, tier := range r.Trackers {
		if tier = o.rooms.unseen(tier); len(tier) > 0 {
			tiers = append(tiers, tier)
		}
	}
	r.Trackers = tiers
	return presence.PlanOf(r, o.InfoHash())
}

// TellTrackers makes them hear at once that something changed.
func (o *Object) TellTrackers() { o.trackers.Wake() }

// trackerStatus is how each tracker is doing.
func (o *Object) trackerStatus() []news.Tracker { return o.trackers.Status(o.plan(), o.rooms.Scraper) }

// Scraped are the objects of which trackers are asked how they are doing. Hidden ones are their trackers' business only while
// they are announced.
func (rs *Rooms) Scraped() (list []tracker.Subject) {
	for _, o := range rs.Books.All() {
		if plan := o.plan(); !o.IsHidden() && len(plan.Tiers) > 0 && o.trackers.Unsaid() {
			list = append(list, tracker.Subject{Tiers: plan.Tiers, Hashes: plan.Hashes})
		}
	}
	return list
}

// HearOwn casts a vote about our address. A new outcome is told to all swarms.
func (rs *Rooms) HearOwn(voter, own netip.Addr) {
	if !rs.own.Hear(rs.Now(), voter, own) {
		return
	}
	for _, o := range rs.Books.All() {
		o.tellOwn()
	}
}

// Mapped takes where others reach us through routers: the port, 0 for ours, and our addresses there. What has changed is told to
// all swarms and trackers; moved says whether the port has.
func (rs *Rooms) Mapped(port uint16, addrs []netip.Addr) (moved bool) {
	rs.own.Suggest(addrs)
	moved = rs.Sockets.SetPublicPort(port)
	for _, o := range rs.Books.All() {
		o.tellOwn()
		if moved {
			o.Swarm.SetPorts(rs.Sockets.PublicPort(), rs.dhtPort())
			o.Discover()
		}
	}
	return moved
}

// tellOwn tells an object's swarm our addresses.
func (o *Object) tellOwn() {
	for _, a := range o.rooms.External() {
		o.Swarm.SetOwn(a)
	}
}

// External are our addresses as others see them, as far as they agree: at most one of IPv4 and one of IPv6.
func (rs *Rooms) External() []netip.Addr { return rs.own.Known(rs.Now()) }
