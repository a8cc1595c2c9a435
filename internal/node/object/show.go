package object

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Publish tells subscribers of an object. Without any it costs nothing.
func (o *Object) Publish(kind news.EventKind, text string) {
	if o.scouting != nil || !o.rooms.Feed.IsHeard() {
		return
	}
	o.rooms.Feed.Publish(news.Event{Kind: kind, Object: o.Describe(), Text: text})
}

// ShowState is Show if the state has changed since the last time.
func (o *Object) ShowState() {
	state, _ := o.Swarm.State()
	o.mu.Lock()
	changed := state != o.shown
	o.mu.Unlock()
	if changed {
		o.Show()
	}
}

// Show publishes what changed of an object since the last time, and records that it moves.
func (o *Object) Show() {
	state, _ := o.Swarm.State()
	o.mu.Lock()
	changed := state != o.shown && !o.over
	if changed {
		o.shown = state
	}
	recorded, over := o.record.State, o.over
	o.mu.Unlock()
	if over {
		return // it was removed, or another takes its place
	}
	if changed {
		if Moving(state) && recorded != catalog.State(state) {
			if err := o.recordMoving(state); err != nil {
				o.rooms.Log.Warn("cannot record the state", "id", o.ID, "err", err)
			}
		}
		o.Publish(news.EventState, "")
		return
	}
	if Moving(state) || state == swarm.Checking {
		o.Publish(news.EventProgress, "")
	}
}

// recordMoving records a state in which the object was a moment ago. What stops it records that itself, and is not undone: the
// user's pause is recorded before the object stops, and what has failed or changed after it.
func (o *Object) recordMoving(state swarm.State) error {
	still := sync.OnceValue(func() bool {
		now, _ := o.Swarm.State()
		return now == state
	})
	return o.update(context.Background(), func(r *catalog.Record) {
		if r.State != catalog.Paused && still() {
			r.State, r.Error = catalog.State(state), ""
		}
	})
}

// Describe is the object as a user sees it now.
func (o *Object) Describe() news.Object {
	s := o.Swarm.Snapshot(o.rooms.Now())
	o.mu.Lock()
	r, b, waiting := o.record, o.body, o.waiting
	o.mu.Unlock()
	ever := o.countsOf(s)
	d := news.Object{
		ID: o.ID, Name: r.Name, Kind: string(r.Kind), State: string(s.State), Size: r.Size,
		BytesWanted: s.WantedBytes, BytesDone: s.VerifiedBytes, Private: r.Private,
		DownRate: s.DownRate, UpRate: s.UpRate,
		Downloaded: ever.down, Uploaded: ever.up,
		Peers: s.Peers, Sources: s.Sources, SuperSeeding: s.SuperSeeding, ETA: -1, Added: r.AddedAt, Done: r.DoneAt,
		Listen: o.rooms.Sockets.Addrs(), Trackers: o.trackerStatus(),
	}
	d.Queued = waiting && s.State == swarm.Paused && r.State != catalog.Paused
	if s.Err != nil {
		d.Err = fault.Explain(s.Err)
	}
	d.Reach = o.reach(s.State)
	hash := r.InfoHash
	if b != nil {
		hash = b.Info.Hash
		d.Name, d.Path = b.Object.Name().String(), b.Files.Path()
	} else if r.Kind == catalog.Shared {
		d.Path = r.Root
	} else if r.Name != "" {
		d.Path = filepath.Join(r.Root, r.Name)
	}
	if v1, ok := hash.V1(); ok {
		d.InfoHashV1 = v1.String()
	}
	if v2, ok := hash.V2(); ok {
		d.InfoHashV2 = v2.String()
	}
	if left := s.WantedBytes - s.VerifiedBytes; s.State == swarm.Fetching && s.DownRate > 0 {
		d.ETA = time.Duration(float64(left) / s.DownRate * float64(time.Second)).Round(time.Second)
	}
	l := o.rooms.link(r, b, hash)
	d.Link = l.Magnet()
	showFeed(&d, r, l)
	return d
}

// link is what the user passes on. It carries an address only if the user named one.
func (rs *Rooms) link(r catalog.Record, b *local.Object, hash metainfo.InfoHash) link.Link {
	l := link.Link{Kind: link.Magnet, InfoHash: hash, Name: r.Name, Length: r.Size, WebSeeds: r.WebSeeds}
	if b != nil {
		l.Name = b.Info.RawName()
	}
	for _, tier := range r.Trackers {
		l.Trackers = append(l.Trackers, tier...)
	}
	if rs.Announced {
		for _, a := range rs.Sockets.Addrs() {
			l.Peers = append(l.Peers, a.String())
		}
		l.Key = rs.Key
	}
	return l
}

// Files are the object's files as a user sees them; none while it is resolving.
func (o *Object) Files() []news.File {
	b := o.Body()
	if b == nil {
		return nil
	}
	have := o.Swarm.Have()
	list := make([]news.File, len(b.Object.Files()))
	for i, f := range b.Object.Files() {
		list[i] = news.File{Path: f.Path.String(), Size: f.Size, Priority: b.PriorityOf(i)}
		if b.Files.State(i) == store.Whole {
			list[i].BytesDone = f.Size
		}
	}
	for piece := range have.All() {
		for _, e := range b.Layout.Extents(piece) {
			if b.Files.State(e.File) != store.Whole {
				list[e.File].BytesDone += e.Length
			}
		}
	}
	return list
}

// Peers are the connections of the object.
func (o *Object) Peers() []news.Peer {
	var list []news.Peer
	for _, p := range o.Swarm.Peers(o.rooms.Now()) {
		peer := news.Peer{
			Address: p.Addr.String(), Client: content.Printable(p.Client), Network: "bittorrent", Direct: true, Punched: p.Punched, Have: p.Have,
			DownRate: p.DownRate, UpRate: p.UpRate,
		}
		switch {
		case !p.Key.IsZero():
			peer.Encrypted, peer.Key = news.ByTLS, p.Key.String()
		case p.Hidden:
			peer.Encrypted = news.ByMSE
		}
		if p.Network != "" {
			peer.Address, peer.Network = p.Name, p.Network
		}
		list = append(list, peer)
	}
	return list
}
