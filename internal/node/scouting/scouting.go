// Package scouting is how it is found out what an info-hash stands for, before anything on the disk is touched: the metadata, and
// of an object without v1 hashes the piece layers, for without these nothing that is on the disk could be told to be right. It
// knows no object and no swarm; it is handed what has come from peers, and says what is still to be asked for.
package scouting

import (
	"errors"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Learned is what has been found out.
type Learned struct {
	Info   *metainfo.Info
	Layers map[metainfo.HashV2][]metainfo.HashV2
	Err    error // the metadata is not valid
}

// Scouting finds out about one info-hash. What comes from peers is handed to it by one goroutine at a time; Fail may be called
// by any.
type Scouting struct {
	info    *metainfo.Info // once it is known
	hashes  *torrent.Hashes
	learned chan Learned
}

// New is for an info-hash of which nothing is known yet.
func New() *Scouting { return &Scouting{learned: make(chan Learned, 1)} }

// Learned is the channel through which it comes, once.
func (s *Scouting) Learned() <-chan Learned { return s.learned }

// MetadataFound takes the metadata. More says that the piece layers are wanted too, for which a swarm is to be opened with c.
func (s *Scouting) MetadataFound(info *metainfo.Info) (c swarm.Content, more bool) {
	layout := torrent.New(info)
	s.info, s.hashes = info, torrent.NewHashes(info, layout, nil)
	if info.Format() != metainfo.FormatV2 || s.hashes.HasLayers() {
		s.tell(Learned{Info: info, Layers: s.hashes.Layers()})
		return swarm.Content{}, false
	}
	// One piece is wanted, which cannot be asked for before the hashes are there: who wants nothing has no peers for long. If it is
	// asked for after all, there is no place for it, and it is dropped.
	var one int
	for s.hashes.Verifiable(one) {
		one++
	}
	return swarm.Content{
		Info: info, Layout: layout, Hashes: s.hashes, Verified: content.NewBitmap(layout.Pieces()),
		Priority: func(piece int) scheduler.Priority {
			if piece == one {
				return scheduler.Normal
			}
			return scheduler.None
		},
	}, true
}

// LayersFound is told that piece layers have come.
func (s *Scouting) LayersFound() {
	if s.hashes.HasLayers() {
		s.tell(Learned{Info: s.info, Layers: s.hashes.Layers()})
	}
}

// Fail ends it: what it is cannot be found out.
func (s *Scouting) Fail(err error) {
	if err == nil {
		err = errors.New("it cannot be found out what it is")
	}
	s.tell(Learned{Err: err})
}

func (s *Scouting) tell(l Learned) {
	select {
	case s.learned <- l:
	default: // it has been told
	}
}
