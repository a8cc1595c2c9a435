package node

import (
	"fmt"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/node/turn"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm"
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
		objects, scouts := n.books.All(), n.books.Scouts()
		serve := false
		for _, o := range slices.Concat(objects, scouts) {
			o.Guarded(func() {
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
				o.Guarded(func() {
					o.Swarm.Beat(now)
					if beats%shows == 0 {
						o.ExpectSources(now)
						o.EndSeeding(now)
						o.SavePeers(now)
						o.SaveCounts(now)
						o.Show()
					}
				})
			}
			for _, o := range scouts {
				o.Guarded(func() { o.Swarm.Beat(now) })
			}
			n.contained(n.keepCeiling)
			if beats%shows == 0 {
				n.contained(func() { n.keepSchedule(now) })
				n.dealTurns(now, objects)
				n.contained(func() { n.lan.Tell(slices.Concat(objects, scouts)) })
				n.contained(func() { n.dht.Tell(now, slices.Concat(objects, scouts)) })
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
func (n *Node) attend(now time.Time, o *object.Object) (serve bool) {
	f := o.Swarm.TakeFacts()
	for _, a := range f.Accused {
		text := fmt.Sprintf("%s (%s) sent bad data for piece %d", a.Addr, content.Printable(a.Client), a.Piece)
		n.cfg.Log.Warn("bad data from a peer", "id", o.ID, "peer", a.Addr, "client", content.Printable(a.Client), "piece", a.Piece)
		o.Publish(news.EventAccused, text)
	}
	for _, v := range f.Votes {
		n.rooms.HearOwn(v.Voter, v.Address)
	}
	n.dht.Greet(f.Nodes)
	if f.Metadata != nil {
		o.Run(func() { o.MetadataFound(f.Metadata) })
	}
	if f.Layers {
		o.Run(o.KeepLayers)
	}
	if f.Complete {
		o.MarkDirty()
		o.TellTrackers()
	}
	o.ShowState()
	o.AskServers()
	return f.SomeoneToServe
}

// dial connects to as many peers as the swarm wants.
func (n *Node) dial(now time.Time, o *object.Object) {
	if n.cfg.Silent || netx.NoWay(n.cfg.Network) != nil {
		return // nobody is to blame for not being reached
	}
	for {
		addr, try, ok := o.Swarm.NextMeeting(now)
		if !ok {
			break
		}
		n.shell.Meet(o.Life, o.Net, addr, try)
	}
	for {
		addr, try, ok := o.Swarm.NextDial(now)
		if !ok {
			return
		}
		n.shell.Dial(o.Life, o.Net, addr, try)
	}
}

// applicants are all peers of all objects, as the choker sees them.
func (n *Node) applicants(now time.Time, objects []*object.Object) []choker.Peer {
	var peers []choker.Peer
	for _, o := range objects {
		peers = o.Swarm.Applicants(now, o.Num(), peers)
	}
	return peers
}

// reconsider holds a round of the choker.
func (n *Node) reconsider(now time.Time, objects []*object.Object) {
	set := n.choker.Run(now, n.applicants(now, objects))
	for _, o := range objects {
		o.Swarm.Grant(now, func(id swarm.PeerID) bool { return set.Has(o.Num(), uint64(id)) })
	}
}

// grant gives free slots at once.
func (n *Node) grant(now time.Time, objects []*object.Object) {
	set := n.choker.Grant(now, n.applicants(now, objects))
	for _, o := range objects {
		o.Swarm.Grant(now, func(id swarm.PeerID) bool { return set.Has(o.Num(), uint64(id)) })
	}
}

// dealTurns sets in motion those whose turn it is, and stops those whose turn it is not.
func (n *Node) dealTurns(now time.Time, objects []*object.Object) {
	d := turn.NewDeal(n.rooms.Bounds)
	for _, o := range objects {
		o.Guarded(func() { o.TakeTurn(now, d) })
	}
}
