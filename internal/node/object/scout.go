package object

import (
	"errors"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Learned is what a scout has found out: the metadata, and of an object without v1 hashes the piece layers. Without these nothing
// that is on the disk could be told to be right.
type Learned struct {
	Info   *metainfo.Info
	Layers map[metainfo.HashV2][]metainfo.HashV2
	Err    error // the metadata is not valid
}

// scouting is what only a scout has: an Object that finds out what an info-hash stands for, while the object whose next version that
// is goes on. It has no record in the catalog and nothing on the disk, and users do not see it; it is in the books only to be
// found by peers.
type scouting struct {
	info    *metainfo.Info // once it is known
	hashes  *torrent.Hashes
	learned chan Learned
}

// Scout sends a scout ahead to find out what an info-hash stands for. It asks whom the object knows, its trackers, and whoever is found
// for the info-hash. What it learns comes through the channel, once; Dismiss ends it.
func (o *Object) Scout(hash metainfo.InfoHash) (scout *Object, learned <-chan Learned) {
	r := o.Record()
	now := o.rooms.Now()
	s := New(o.rooms, catalog.Record{
		ID: r.ID, Kind: catalog.Fetched, State: catalog.Resolving, Name: r.Name, Root: r.Root, InfoHash: hash,
		Trackers: r.Trackers, Peers: r.Peers,
	}, 0)
	s.scouting = &scouting{learned: make(chan Learned, 1)}
	o.mu.Lock()
	named := o.named
	o.mu.Unlock()
	s.Hear(named)
	s.Swarm.RestorePeers(o.Swarm.SavedPeers(now, catalog.MaxSavedPeers))
	o.rooms.Books.enterScout(s)
	s.HearLinked()
	s.Discover()
	o.rooms.Wake()
	return s, s.scouting.learned
}

// Dismiss ends a scout.
func (o *Object) Dismiss() {
	o.rooms.Books.strikeScout(o)
	o.Halt()
	o.silence()
}

// found takes the metadata.
func (s *scouting) found(o *Object, info *metainfo.Info) {
	layout := torrent.New(info)
	s.info, s.hashes = info, torrent.NewHashes(info, layout, nil)
	if info.Format() != metainfo.FormatV2 || s.hashes.HasLayers() {
		s.tell(Learned{Info: info, Layers: s.hashes.Layers()})
		return
	}
	// One piece is wanted, which cannot be asked for before the hashes are there: who wants nothing has no peers for long. If it is
	// asked for after all, there is no place for it, and it is dropped.
	var one int
	for s.hashes.Verifiable(one) {
		one++
	}
	o.Swarm.Open(o.rooms.Now(), swarm.Content{
		Info: info, Layout: layout, Hashes: s.hashes, Verified: content.NewBitmap(layout.Pieces()),
		Priority: func(piece int) scheduler.Priority {
			if piece == one {
				return scheduler.Normal
			}
			return scheduler.None
		},
	})
}

// layersFound takes piece layers.
func (s *scouting) layersFound() {
	if s.hashes.HasLayers() {
		s.tell(Learned{Info: s.info, Layers: s.hashes.Layers()})
	}
}

func (s *scouting) tell(l Learned) {
	select {
	case s.learned <- l:
	default: // it has been told
	}
}

func (s *scouting) failed(err error) {
	if err == nil {
		err = errors.New("it cannot be found out what it is")
	}
	s.tell(Learned{Err: err})
}
