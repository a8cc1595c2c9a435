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
	var care care
	var nextBeat time.Time
	beats := 0
	for {
		select {
		case <-n.life.Done():
			return
		case <-n.rooms.Stirring.Wake():
		case <-timer.C:
		}
		now := n.cfg.Now()
		serve := false
		for _, o := range n.rooms.Stirring.Take() {
			care.takeUp(o)
			serve = n.lookAfter(now, o) || serve
		}
		if !now.Before(nextBeat) {
			nextBeat = now.Add(beat)
			beats++
			for _, o := range slices.Concat(care.awake, n.books.Scouts()) {
				serve = n.lookAfter(now, o) || serve
				o.Guarded(func() { o.Swarm.Beat(now) })
			}
			if beats%shows == 0 {
				n.tend(now, &care)
			}
		}
		if serve {
			n.contained(func() { n.grant(now, care.awake) })
		}
		if !now.Before(n.choker.Next()) {
			n.contained(func() { n.reconsider(now, care.awake) })
		}
		timer.Reset(max(0, earliest(nextBeat, n.choker.Next()).Sub(now)))
	}
}

// tend does what is done now and then, and lets go of those that need no looking after any more.
func (n *Node) tend(now time.Time, care *care) {
	for _, o := range care.awake {
		o.Guarded(func() {
			o.ExpectSources(now)
			n.record(now, o)
			o.Show()
		})
	}
	all := n.books.All()
	for _, o := range care.round(all) {
		o.Guarded(func() {
			if n.record(now, o); o.IsAtRest() && !o.Rest(now) {
				o.Stir()
			}
		})
	}
	n.contained(func() { n.keepSchedule(now) })
	n.dealTurns(now, care.contenders(n.rooms.Bounds, all))
	scouts := n.books.Scouts()
	if care.isNews(now, all, scouts) && n.tell(now, slices.Concat(all, scouts)) {
		care.told()
	}
	care.letGo(now)
}

// tell tells those who find peers without a tracker of all objects and scouts, and reports whether they have taken it.
func (n *Node) tell(now time.Time, list []*object.Object) bool {
	finders := []func(time.Time, []*object.Object){n.lan.Tell, n.dht.Tell}
	told := 0
	for _, tell := range finders {
		n.contained(func() {
			tell(now, list)
			told++
		})
	}
	return told == len(finders)
}

// record notes what has come of an object, if it is time to.
func (n *Node) record(now time.Time, o *object.Object) {
	o.EndSeeding(now)
	o.SavePeers(now)
	o.SaveCounts(now)
}

// lookAfter takes an object's news and dials for it, and reports whether there may be someone to serve.
func (n *Node) lookAfter(now time.Time, o *object.Object) (serve bool) {
	o.Guarded(func() {
		serve = n.attend(now, o)
		n.dial(now, o)
	})
	return serve
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
