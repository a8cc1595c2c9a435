package object

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// wantPeers is how many addresses a tracker is asked for.
const wantPeers = 100

// announcing is an object's presence at its trackers.
type announcing struct {
	runner *tracker.Runner // nil: it is not announced
	stop   context.CancelCauseFunc
	gone   chan struct{} // closed when whoever announced it last has taken his leave; nil: nobody has yet
}

// Discover announces an object at its trackers, from now until it is stopped; again, when it has got new ones.
func (o *Object) Discover() {
	if state, _ := o.Swarm.State(); !Moving(state) {
		return
	}
	plan := o.plan()
	if o.rooms.Silent || len(plan.Tiers) == 0 {
		return
	}
	runner := tracker.NewRunner(o.rooms.Trackers, tracker.Task{
		Plan: plan, PeerID: o.rooms.PeerID, Key: randomKey(), Port: o.rooms.Sockets.Port(), Rand: o.rooms.Rand(),
		Told: o.rooms.HearOwn,
	})
	ctx, stop := context.WithCancelCause(o.Life)
	gone := make(chan struct{})
	o.mu.Lock()
	old := o.announcing
	o.announcing = announcing{runner, stop, gone}
	o.mu.Unlock()
	if old.stop != nil {
		old.stop(tracker.ErrReplaced)
	}
	began := o.Run(func() {
		defer close(gone)
		if old.gone != nil {
			<-old.gone // what trackers hear last must not be that we left
		}
		runner.Run(ctx, o.stats, func(found []netip.AddrPort) { o.Swarm.Found(swarm.FromTracker, found...) })
	})
	if !began {
		close(gone)
	}
}

// plan says as what an object is known to which trackers.
func (o *Object) plan() tracker.Plan {
	r := o.Record()
	plan := tracker.Plan{Hashes: o.InfoHash().Wire(), Private: r.Private}
	for _, tier := range r.Trackers {
		var servers []tracker.Server
		for _, u := range tier {
			// A share's trackers are the user's own words.
			servers = append(servers, tracker.Server{URL: u, Trusted: r.Kind == catalog.Shared})
		}
		plan.Tiers = append(plan.Tiers, servers)
	}
	return plan
}

// runner is nil while the object is not announced.
func (o *Object) runner() *tracker.Runner {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.announcing.runner
}

// silence ends the announcing of an object: its trackers are told that we leave.
func (o *Object) silence() {
	o.mu.Lock()
	old := o.announcing
	o.announcing = announcing{gone: old.gone}
	o.mu.Unlock()
	if old.stop != nil {
		old.stop(nil)
	}
}

func randomKey() uint32 {
	var b [4]byte
	cryptorand.Read(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

// stats are what a tracker is told.
func (o *Object) stats() tracker.Stats {
	s := o.Swarm.Snapshot(o.rooms.Now())
	st := tracker.Stats{
		Uploaded: s.UpBytes, Downloaded: s.DownBytes, Left: s.LeftBytes,
		Partial: s.State == swarm.Seeding && s.LeftBytes > 0, Own: o.rooms.Sockets.Addrs(),
	}
	switch s.State {
	case swarm.Resolving, swarm.Checking:
		// Unknown yet, and certainly not nothing.
		st.Left = max(st.Left, 1)
		st.Want, st.Hungry = wantPeers, s.Peers == 0
	case swarm.Fetching:
		st.Want, st.Hungry = wantPeers, s.Sources == 0
	}
	return st
}

// TellTrackers makes them hear at once that something changed.
func (o *Object) TellTrackers() {
	if r := o.runner(); r != nil {
		r.Wake()
	}
}
