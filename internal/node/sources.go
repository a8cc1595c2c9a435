package node

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// Tracker is how one tracker of an object is doing. Its strings are safe to show.
type Tracker struct {
	URL       string
	Tier      int
	Error     string
	Next      time.Time
	Seeders   int // -1 if it did not say
	Leechers  int
	Peers     int
	Announced time.Time
}

// trackerQueue is how many answers of UDP trackers may wait.
const trackerQueue = 256

// openTrackers makes the tracker client, which shares the UDP ports with everything else.
func (n *Node) openTrackers() error {
	var udp []netx.PacketConn
	for _, m := range n.sockets {
		udp = append(udp, m.Route(trackerQueue, func(b []byte, _ netip.AddrPort) bool { return wire.IsResponse(b) }))
	}
	n.trackers = tracker.NewClient(tracker.ClientConfig{Network: n.cfg.Network, UDP: udp, UserAgent: n.client(), Rand: newRand()})
	return nil
}

// checkTrackers refuses what a user named as a tracker and is none.
func checkTrackers(urls []string) error {
	for _, u := range urls {
		if _, err := (netx.Guard{Purpose: netx.ForTracker, Trusted: true}).Parse(u); err != nil {
			return &Error{"usage", "not a tracker: " + err.Error(), "give an http, https or udp URL", ExitUsage, err}
		}
	}
	return nil
}

// checkWebSeeds refuses what a user named as a web seed and is none.
func checkWebSeeds(urls []string) error {
	for _, u := range urls {
		if _, err := (netx.Guard{Purpose: netx.ForWebSeed, Trusted: true}).Parse(u); err != nil {
			return &Error{"usage", "not a web seed: " + err.Error(), "give an http or https URL", ExitUsage, err}
		}
	}
	return nil
}

// announcing is an object's presence at its trackers.
type announcing struct {
	runner *tracker.Runner
	stop   context.CancelFunc
}

// discover announces an object at its trackers, from now until it is stopped; again, when it has got new ones.
func (n *Node) discover(o *object) {
	if state, _ := o.swarm.State(); !moving(state) {
		return
	}
	r, b := o.theRecord(), o.theBody()
	hash := r.InfoHash
	if b != nil {
		hash = b.info.Hash
	}
	if n.cfg.Silent || len(r.Trackers) == 0 {
		return
	}
	plan := tracker.Plan{Hashes: hash.Wire(), Private: r.Private}
	for _, tier := range r.Trackers {
		var servers []tracker.Server
		for _, u := range tier {
			// A share's trackers are the user's own words.
			servers = append(servers, tracker.Server{URL: u, Trusted: r.Kind == catalog.Shared})
		}
		plan.Tiers = append(plan.Tiers, servers)
	}
	runner := tracker.NewRunner(n.trackers, tracker.Task{
		Plan: plan, PeerID: n.peerID, Key: randomKey(), Port: n.port(), Rand: newRand(),
	})
	ctx, stop := context.WithCancel(o.life)
	o.mu.Lock()
	old := o.announcing
	o.announcing = announcing{runner, stop}
	o.mu.Unlock()
	if old.stop != nil {
		old.stop()
	}
	n.run(o, func() {
		runner.Run(ctx, func() tracker.Stats { return n.stats(o) }, func(found []netip.AddrPort) { o.swarm.Found(swarm.FromTracker, found...) })
	})
}

// silence ends the announcing of an object: its trackers are told that we leave.
func (o *object) silence() {
	o.mu.Lock()
	old := o.announcing
	o.announcing = announcing{}
	o.mu.Unlock()
	if old.stop != nil {
		old.stop()
	}
}

func randomKey() uint32 {
	var b [4]byte
	cryptorand.Read(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

// wantPeers is how many addresses a tracker is asked for.
const wantPeers = 100

// stats are what a tracker is told.
func (n *Node) stats(o *object) tracker.Stats {
	s := o.swarm.Snapshot(n.cfg.Now())
	st := tracker.Stats{
		Uploaded: s.UpBytes, Downloaded: s.DownBytes, Left: s.WantedBytes - s.VerifiedBytes,
		Own: n.ListenAddrs(),
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

// tellTrackers makes them hear at once that something changed.
func (o *object) tellTrackers() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.announcing.runner != nil {
		o.announcing.runner.Wake()
	}
}

func (n *Node) trackerStatus(o *object) []Tracker {
	o.mu.Lock()
	runner := o.announcing.runner
	o.mu.Unlock()
	if runner == nil {
		return nil
	}
	var list []Tracker
	for _, s := range runner.Status() {
		t := Tracker{URL: s.URL, Tier: s.Tier, Next: s.Next, Seeders: s.Seeders, Leechers: s.Leechers, Peers: s.Peers, Announced: s.Announced}
		if s.Err != nil {
			t.Error = s.Err.Error()
		}
		list = append(list, t)
	}
	return list
}
