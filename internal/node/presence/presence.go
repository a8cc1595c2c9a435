// Package presence is what an object is to the outside: announced at its trackers or not, and known by an address of ours that
// others agree about. It knows no object and no node, and is handed values and small functions.
//
// Trackers never hear last that an object left while it is there: whoever announces it next waits until whoever did so before
// has taken his leave.
package presence

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// wantPeers is how many addresses a tracker is asked for.
const wantPeers = 100

// Config is what an object's presence at its trackers works with. All fields are required but Told.
type Config struct {
	Client *tracker.Client
	PeerID [20]byte
	Port   func() uint16     // where others reach us
	Rand   func() *rand.Rand // makes a generator for decisions that need no secrecy
	// Run starts work for the object; false: no more is taken on.
	Run func(work func()) bool
	// Stats are what a tracker is told of the object now.
	Stats func() tracker.Stats
	// Found takes the addresses of peers, which may be dialled.
	Found func([]netip.AddrPort)
	// Told is tracker.Task's.
	Told func(tracker, own netip.Addr)
}

// Trackers is an object's presence at its trackers. It is safe for concurrent use.
type Trackers struct {
	cfg Config

	mu     sync.Mutex
	runner *tracker.Runner // nil: it is not announced
	stop   context.CancelCauseFunc
	gone   chan struct{} // closed when whoever announced it last has taken his leave; nil: nobody has yet
}

// New is for an object that is not announced yet.
func New(cfg Config) *Trackers { return &Trackers{cfg: cfg} }

// Announce announces the object according to a plan from now on, until Silence or the end of life; instead of what was announced
// before.
func (t *Trackers) Announce(life context.Context, plan tracker.Plan) {
	runner := tracker.NewRunner(t.cfg.Client, tracker.Task{
		Plan: plan, PeerID: t.cfg.PeerID, Key: randomKey(), Port: t.cfg.Port, Rand: t.cfg.Rand(), Told: t.cfg.Told,
	})
	ctx, stop := context.WithCancelCause(life)
	gone := make(chan struct{})
	t.mu.Lock()
	before, stopBefore := t.gone, t.stop
	t.runner, t.stop, t.gone = runner, stop, gone
	t.mu.Unlock()
	if stopBefore != nil {
		stopBefore(tracker.ErrReplaced)
	}
	began := t.cfg.Run(func() {
		defer close(gone)
		if before != nil {
			<-before // what trackers hear last must not be that we left
		}
		runner.Run(ctx, t.cfg.Stats, t.cfg.Found)
	})
	if !began {
		close(gone)
	}
}

// Silence ends the announcing: the trackers are told that we leave.
func (t *Trackers) Silence() {
	t.mu.Lock()
	stop := t.stop
	t.runner, t.stop = nil, nil
	t.mu.Unlock()
	if stop != nil {
		stop(nil)
	}
}

// Wake makes the trackers hear at once that something changed.
func (t *Trackers) Wake() {
	if r := t.announced(); r != nil {
		r.Wake()
	}
}

// announced is nil while the object is not.
func (t *Trackers) announced() *tracker.Runner {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.runner
}

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
