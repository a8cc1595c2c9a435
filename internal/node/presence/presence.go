// Package presence is what an object is to the outside: announced at its trackers or not, and known by an address of ours that
// others agree about. It knows no object and no node, and is handed values and small functions.
package presence

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// wantPeers is how many addresses a tracker is asked for.
const wantPeers = 100

// Config is what an object's presence at its trackers works with. All fields are required but Told.
type Config struct {
	Runner *tracker.Runner // of all objects
	PeerID [20]byte
	// Stats are what a tracker is told of the object now.
	Stats func() tracker.Stats
	// Found takes the addresses of peers, which may be dialled.
	Found func([]netip.AddrPort)
	// Told is tracker.Task's, as is Guarded.
	Told    func(tracker, own netip.Addr)
	Guarded func(work func())
}

// Trackers is an object's presence at its trackers. It is safe for concurrent use.
type Trackers struct {
	runner *tracker.Runner
	object *tracker.Announced
}

// New is for an object that is not announced yet.
func New(cfg Config) *Trackers {
	return &Trackers{cfg.Runner, tracker.NewAnnounced(tracker.Task{
		PeerID: cfg.PeerID, Key: randomKey(), Stats: cfg.Stats, Found: cfg.Found, Told: cfg.Told, Guarded: cfg.Guarded,
	})}
}

// Announce announces the object according to a plan from now on, until Silence or Retire; instead of what was announced before.
func (t *Trackers) Announce(plan tracker.Plan) { t.runner.Announce(t.object, plan) }

// Silence ends the announcing: the trackers are told that we leave.
func (t *Trackers) Silence() { t.runner.Silence(t.object) }

// Retire is Silence for good. It returns when the trackers have heard of it, or were given 3 s to.
func (t *Trackers) Retire() { t.runner.Retire(t.object) }

// Wake makes the trackers hear at once that something changed.
func (t *Trackers) Wake() { t.runner.Wake(t.object) }

func randomKey() uint32 {
	var b [4]byte
	cryptorand.Read(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

// PlanOf says as what an object is known to which trackers.
func PlanOf(r catalog.Record, hash metainfo.InfoHash) tracker.Plan {
	plan := tracker.Plan{Hashes: hash.Wire(), Private: r.Private}
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

// StatsOf is what a tracker is told of an object whose swarm is as s says; own is where we listen.
func StatsOf(s swarm.Snapshot, own []netip.AddrPort) tracker.Stats {
	st := tracker.Stats{
		Uploaded: s.UpBytes, Downloaded: s.DownBytes, Left: s.LeftBytes,
		Partial: s.State == swarm.Seeding && s.LeftBytes > 0, Own: own,
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
