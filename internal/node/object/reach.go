package object

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

const (
	// reachAgain is how long it is believed that others find us; that they do not is looked into at every announce.
	reachAgain = 50 * time.Minute
	// reachPatience is how long announces may be in vain before the user is told: after the start there is nobody to take them.
	reachPatience = 20 * time.Second
)

// reaching is what is known of whether others find an object in the DHT.
type reaching struct {
	known    news.Reach // nothing while it is not Checked
	announce time.Time  // when the first one was over
	checking bool
}

// BeginReach is told that an announce in the DHT is over, and whether anybody took it. It reports whether what is known of
// the reach of a share is to be found out anew; EndReach must follow then. Of the two info-hashes of a hybrid the first is
// looked at, by which everybody finds it.
func (o *Object) BeginReach(now time.Time, hash [20]byte, taken bool) bool {
	if o.Record().Kind != catalog.Shared || o.InfoHash().Wire()[0] != hash {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	r := &o.reaching
	if r.announce.IsZero() {
		r.announce = now
	}
	switch {
	case r.checking,
		!taken && now.Sub(r.announce) < reachPatience,
		taken && r.known.Found && now.Sub(r.known.Checked) < reachAgain:
		return false
	}
	r.checking = true
	return true
}

// EndReach notes whether others find an object, and tells the user. A reach that is not Checked could not be found out.
func (o *Object) EndReach(found news.Reach) {
	o.mu.Lock()
	o.reaching.checking = false
	if !found.Checked.IsZero() {
		o.reaching.known = found
	}
	o.mu.Unlock()
	if !found.Checked.IsZero() {
		o.Publish(news.EventReach, "")
	}
}

// reach is whether others find a share in the DHT, or why they cannot; nil while it is not known, and of what was fetched.
func (o *Object) reach(state swarm.State) *news.Reach {
	r := o.Record()
	rs := o.rooms
	if r.Kind != catalog.Shared || rs.Silent || state != swarm.Seeding {
		return nil
	}
	never := func(code, why, hint string) *news.Reach {
		return &news.Reach{Why: fault.New(fault.ExitBlocked, code, why, hint, nil)}
	}
	switch {
	case r.Private:
		return never("private", "it is private, and only its trackers tell of it", "")
	case rs.Offline:
		return never("offline", "this node is offline", "leave --offline out, or hand out your address: potluck get LINK --peer HOST:PORT")
	case !rs.DHT:
		return never("dht-off", "the DHT is switched off here", "switch it on with potluck config set dht true, or name a tracker with --tracker URL")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reaching.known.Checked.IsZero() {
		return nil
	}
	known := o.reaching.known
	return &known
}
