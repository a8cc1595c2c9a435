package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// beat is how often the loop looks at everything, news or not; shows is how many beats pass until progress is told.
const (
	beat  = scheduler.Retry
	shows = 2
)

// loop is the node's one control loop: news of objects as they come, everything else once a beat.
func (n *Node) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var nextBeat time.Time
	beats := 0
	for {
		select {
		case <-n.life.Done():
			return
		case <-n.wake:
		case <-timer.C:
		}
		now := n.cfg.Now()
		objects := n.all()
		serve := false
		for _, o := range objects {
			n.guarded(o, func() {
				serve = n.attend(now, o) || serve
				n.dial(now, o)
			})
		}
		if serve {
			n.contained(func() { n.grant(now, objects) })
		}
		if !now.Before(nextBeat) {
			nextBeat = now.Add(beat)
			beats++
			for _, o := range objects {
				n.guarded(o, func() {
					o.swarm.Beat(now)
					if beats%shows == 0 {
						n.expectSources(now, o)
						n.endSeeding(now, o)
						n.show(o)
					}
				})
			}
			if beats%shows == 0 {
				n.takeTurns(now, objects)
				n.contained(func() { n.tellLAN(objects) })
			}
		}
		if !now.Before(n.choker.Next()) {
			n.contained(func() { n.reconsider(now, objects) })
		}
		timer.Reset(max(0, earliest(nextBeat, n.choker.Next()).Sub(now)))
	}
}

// contained does something for all objects together, and contains its panic.
func (n *Node) contained(f func()) {
	defer func() {
		if r := recover(); r != nil {
			n.panicked(r)
		}
	}()
	f()
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// attend takes an object's news, and reports whether there may be someone to serve.
func (n *Node) attend(now time.Time, o *object) (serve bool) {
	f := o.swarm.TakeFacts()
	for _, a := range f.Accused {
		text := fmt.Sprintf("%s (%s) sent bad data for piece %d", a.Addr, content.Printable(a.Client), a.Piece)
		n.cfg.Log.Warn("bad data from a peer", "id", o.id, "peer", a.Addr, "client", content.Printable(a.Client), "piece", a.Piece)
		n.publish(EventAccused, o, text)
	}
	if f.Metadata != nil {
		n.run(o, func() { n.metadataFound(o, f.Metadata) })
	}
	if f.Layers {
		n.run(o, func() { n.keepLayers(o) })
	}
	if f.Complete {
		o.markDirty()
		o.tellTrackers()
	}
	if state, _ := o.swarm.State(); state != o.shownState() {
		n.show(o)
	}
	n.askServers(o)
	return f.SomeoneToServe
}

// metadataFound goes on with an object whose info dictionary has come from peers.
func (n *Node) metadataFound(o *object, raw []byte) {
	info, err := metainfo.ParseInfo(raw)
	if err != nil {
		n.fail(o, swarm.Failed, err)
		return
	}
	if other := n.holding(info.Hash); other != nil && other != o {
		n.fail(o, swarm.Failed, &Error{"exists", "this object is held already, as " + other.id, "", ExitFailed, nil})
		return
	}
	n.openFetched(o, info, nil, fresh)
}

func (n *Node) keepLayers(o *object) {
	b := o.theBody()
	if err := n.catalog.SetPieceLayers(o.life, o.id, b.hashes.Layers()); err != nil {
		n.cfg.Log.Warn("cannot keep piece layers", "id", o.id, "err", err)
	}
}

// dial connects to as many peers as the swarm wants.
func (n *Node) dial(now time.Time, o *object) {
	if n.cfg.Silent {
		return
	}
	for {
		addr, try, ok := o.swarm.NextDial(now)
		if !ok {
			return
		}
		n.shell.Dial(o.life, o.net, addr, try)
	}
}

// expectSources fails an object for which nobody has had anything for longer than the user waits.
func (n *Node) expectSources(now time.Time, o *object) {
	s := o.swarm.Snapshot(now)
	o.mu.Lock()
	busy := s.Sources > 0 || s.State != swarm.Resolving && s.State != swarm.Fetching
	if busy {
		o.seen = now
	}
	over := o.patience > 0 && now.Sub(o.seen) >= o.patience
	o.mu.Unlock()
	if over {
		n.fail(o, swarm.Failed, &Error{"no-source", fmt.Sprintf("nobody who has it was found within %v", o.patience),
			"try again later, name a peer with --peer, or ask whoever gave you the link", ExitNobody, nil})
	}
}

// applicants are all peers of all objects, as the choker sees them.
func (n *Node) applicants(now time.Time, objects []*object) []choker.Peer {
	var peers []choker.Peer
	for _, o := range objects {
		peers = o.swarm.Applicants(now, o.num, peers)
	}
	return peers
}

// reconsider holds a round of the choker.
func (n *Node) reconsider(now time.Time, objects []*object) {
	set := n.choker.Run(now, n.applicants(now, objects))
	for _, o := range objects {
		o.swarm.Grant(now, func(id swarm.PeerID) bool { return set.Has(o.num, uint64(id)) })
	}
}

// grant gives free slots at once.
func (n *Node) grant(now time.Time, objects []*object) {
	set := n.choker.Grant(now, n.applicants(now, objects))
	for _, o := range objects {
		o.swarm.Grant(now, func(id swarm.PeerID) bool { return set.Has(o.num, uint64(id)) })
	}
}

// unreadable is told that an object's files cannot be read as they were hashed (promise 4.5).
func (n *Node) unreadable(o *object, err error) {
	if state, _ := o.swarm.State(); state == swarm.Changed || state == swarm.Missing || state == swarm.Failed {
		return
	}
	n.fail(o, stateOf(err), err)
}

// stateOf is the state of an object whose files cannot be read.
func stateOf(err error) swarm.State {
	switch {
	case errors.Is(err, store.ErrChanged):
		return swarm.Changed
	case errors.Is(err, store.ErrMissing):
		return swarm.Missing
	}
	return swarm.Failed
}

// show publishes what changed of an object since the last time.
func (n *Node) show(o *object) {
	state, _ := o.swarm.State()
	o.mu.Lock()
	news := state != o.shown && !o.over
	if news {
		o.shown = state
	}
	recorded, over, waiting := o.record.State, o.over, o.turn.waiting
	o.mu.Unlock()
	if over {
		return // it was removed, or another takes its place
	}
	if news {
		// Whoever waits for a turn is what it was.
		if lasting(state) && recorded != catalog.State(state) && !(state == swarm.Paused && waiting) {
			if err := n.update(n.life, o, func(r *catalog.Record) { r.State, r.Error = catalog.State(state), "" }); err != nil {
				n.cfg.Log.Warn("cannot record the state", "id", o.id, "err", err)
			}
		}
		n.publish(EventState, o, "")
		return
	}
	if moving(state) || state == swarm.Checking {
		n.publish(EventProgress, o, "")
	}
}

// moving reports whether an object in a state has to do with peers.
func moving(s swarm.State) bool {
	return s == swarm.Resolving || s == swarm.Fetching || s == swarm.Seeding
}

// lasting reports whether a state is worth keeping; that an object fails or is changed is recorded with its reason.
func lasting(s swarm.State) bool { return moving(s) || s == swarm.Paused }

func (o *object) shownState() swarm.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.shown
}
