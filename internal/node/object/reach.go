package object

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/reach"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// BeginReach is told that an announce in the DHT is over, and whether anybody took it. It reports whether it is to be found out
// whether others find the object; EndReach must follow then. Of the two info-hashes of a hybrid the first is looked at, by which
// everybody finds it. Only of shares anything is found out.
func (o *Object) BeginReach(now time.Time, hash [20]byte, taken bool) bool {
	if o.Record().Kind != catalog.Shared || o.InfoHash().Wire()[0] != hash {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reaching.Begin(now, taken)
}

// EndReach notes what was found out, if anything, and tells the user.
func (o *Object) EndReach(found news.Reach) {
	o.mu.Lock()
	is := o.reaching.End(found)
	o.mu.Unlock()
	if is {
		o.Publish(news.EventReach, "")
	}
}

// SayReach tells the user again what is known: it has changed whether others reach us.
func (o *Object) SayReach(now time.Time) {
	if r := o.reach(o.Swarm.Snapshot(now).State); r != nil && !r.Checked.IsZero() {
		o.Publish(news.EventReach, "")
	}
}

// reach is whether others find a share in the DHT, or why they cannot; nil while it is not known, and of what was fetched.
func (o *Object) reach(state swarm.State) *news.Reach {
	r := o.Record()
	if r.Kind != catalog.Shared || o.rooms.Silent || state != swarm.Seeding {
		return nil
	}
	switch {
	case r.Private:
		return reach.Private()
	case o.rooms.Offline:
		return reach.Offline()
	case !o.rooms.DHT:
		return reach.Off()
	}
	o.mu.Lock()
	known := o.reaching.Known()
	o.mu.Unlock()
	if known != nil && known.Found && o.rooms.Unreached(known.As.Addr()) {
		known.Why = reach.Unreached()
	}
	return known
}
