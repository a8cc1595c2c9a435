package object

import (
	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/node/scouting"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Learned is what a scout has found out.
type Learned = scouting.Learned

// Scout sends a scout ahead to find out what an info-hash stands for: an Object that has no record in the catalog and nothing on the
// disk, while the object whose next version that is goes on. Users do not see it; it is in the books only to be found by peers. It
// asks whom the object knows, its trackers, and whoever is found for the info-hash. What it learns comes through the channel,
// once; Dismiss ends it.
func (o *Object) Scout(hash metainfo.InfoHash) (scout *Object, learned <-chan Learned) {
	r := o.Record()
	now := o.rooms.Now()
	s := New(o.rooms, catalog.Record{
		ID: r.ID, Kind: catalog.Fetched, State: catalog.Resolving, Name: r.Name, Root: r.Root, InfoHash: hash,
		Trackers: r.Trackers, Peers: r.Peers,
	}, 0)
	s.scouting = scouting.New()
	o.mu.Lock()
	named := o.named
	o.mu.Unlock()
	s.Hear(named)
	s.Swarm.RestorePeers(o.Swarm.SavedPeers(now, catalog.MaxSavedPeers))
	o.rooms.Books.enterScout(s)
	s.HearLinked()
	s.Discover()
	s.Stir()
	return s, s.scouting.Learned()
}

// Dismiss ends a scout.
func (o *Object) Dismiss() {
	o.rooms.Books.strikeScout(o)
	o.Halt()
}
