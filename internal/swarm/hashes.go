package swarm

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// hashFetch gets what a v2 object needs and the info dictionary does not hold (BEP 52): the piece layers, and the leaves of
// pieces that failed, so that the next attempt tells which block was wrong. A run of hashes is asked of one peer at a time.
type hashFetch struct {
	asked  map[torrent.HashRequest]hashAsk
	leaves map[int]bool // pieces whose leaves are wanted
}

type hashAsk struct {
	peer PeerID
	sent time.Time
}

// hashPatience is how long a peer may take to answer a hash request before another is asked.
const hashPatience = 10 * time.Second

func (f *hashFetch) init() {
	f.asked = make(map[torrent.HashRequest]hashAsk)
	f.leaves = make(map[int]bool)
}

// unverifiable reports whether a piece must not be fetched yet, because nothing could tell whether it is right.
func (s *Swarm) unverifiable(piece int) bool { return !s.content.Hashes.Verifiable(piece) }

// askHashes asks a peer for missing hashes that it must have.
func (s *Swarm) askHashes(now time.Time, p *peer) {
	if !p.started || p.conv.HashRoom() <= 0 || s.state != Fetching && s.state != Seeding {
		return
	}
	ask := func(r torrent.HashRequest, first, end int) bool {
		if _, asked := s.hashes.asked[r]; !asked && p.hasOneOf(first, end) {
			s.hashes.asked[r] = hashAsk{p.id, now}
			p.conv.RequestHashes(wireRequest(r))
			p.wake()
		}
		return p.conv.HashRoom() > 0
	}
	for piece := range s.hashes.leaves {
		r, ok := s.content.Hashes.LeafRequest(piece)
		if !ok {
			delete(s.hashes.leaves, piece)
		} else if !ask(r, piece, piece+1) {
			return
		}
	}
	if s.content.Hashes.HasLayers() {
		return
	}
	for r, pieces := range s.content.Hashes.Missing() {
		if !ask(r, pieces.First, pieces.End) {
			return
		}
	}
}

func (p *peer) hasOneOf(first, end int) bool {
	for i := first; i < end; i++ {
		if p.have.Has(i) {
			return true
		}
	}
	return false
}

// wantLeaves asks for the leaves of a piece that failed.
func (s *Swarm) wantLeaves(piece int) {
	if _, ok := s.content.Hashes.LeafRequest(piece); ok {
		s.hashes.leaves[piece] = true
	}
}

func (s *Swarm) hashesArrived(now time.Time, p *peer, w wire.HashRequest, payload []byte) error {
	r := hashRequest(w)
	if s.hashes.asked[r].peer == p.id {
		delete(s.hashes.asked, r)
	}
	list := make([]metainfo.HashV2, len(payload)/wire.HashSize)
	for i := range list {
		list[i] = metainfo.HashV2(payload[i*wire.HashSize:])
	}
	hadLayers := s.content.Hashes.HasLayers()
	if err := s.content.Hashes.Add(r, list); err != nil {
		return err
	}
	for piece := range s.hashes.leaves {
		if _, known := s.content.Hashes.Leaves(piece); known {
			delete(s.hashes.leaves, piece)
		}
	}
	if !hadLayers && s.content.Hashes.HasLayers() {
		s.facts.Layers = true
		s.wake()
	}
	s.askHashes(now, p)
	s.fillAll(now)
	return nil
}

func (s *Swarm) hashesRejected(p *peer, w wire.HashRequest) {
	// The entry stays until it expires, so that the same peer is not asked again at once.
	r := hashRequest(w)
	if a := s.hashes.asked[r]; a.peer == p.id {
		s.hashes.asked[r] = hashAsk{0, a.sent}
	}
}

// release forgets what a peer that left was asked for.
func (f *hashFetch) release(id PeerID) {
	for r, a := range f.asked {
		if a.peer == id {
			delete(f.asked, r)
		}
	}
}

// expire forgets requests that were not answered, so that others are asked.
func (f *hashFetch) expire(now time.Time) {
	for r, a := range f.asked {
		if now.Sub(a.sent) >= hashPatience {
			delete(f.asked, r)
		}
	}
}

func wireRequest(r torrent.HashRequest) wire.HashRequest {
	return wire.HashRequest{Root: r.Root, BaseLayer: r.BaseLayer, Index: r.Index, Length: r.Length, ProofLayers: r.ProofLayers}
}

func hashRequest(w wire.HashRequest) torrent.HashRequest {
	return torrent.HashRequest{Root: w.Root, BaseLayer: w.BaseLayer, Index: w.Index, Length: w.Length, ProofLayers: w.ProofLayers}
}

// LeafWork is a peer's request for hashes below the pieces: they are made anew from the pieces First up to End.
type LeafWork struct {
	Request    torrent.HashRequest
	First, End int
}

// Bounds of the leaf work of one peer: requests that wait, and the pieces read for one of them.
const (
	maxLeafWork   = 4
	maxLeafPieces = 16
)

func (s *Swarm) serveHashes(p *peer, w wire.HashRequest) {
	if s.content == nil {
		p.conv.RejectHashes(w)
		return
	}
	list, need, ok := s.content.Hashes.Serve(nil, hashRequest(w))
	switch {
	case !ok:
		p.conv.RejectHashes(w)
	case need.End == need.First:
		p.conv.SendHashes(w, list)
	case len(p.leafWork) < maxLeafWork && need.End-need.First <= maxLeafPieces && s.hasAll(need):
		p.leafWork = append(p.leafWork, LeafWork{hashRequest(w), need.First, need.End})
		p.wake()
	default:
		p.conv.RejectHashes(w)
	}
}

func (s *Swarm) hasAll(pieces torrent.Pieces) bool {
	for i := pieces.First; i < pieces.End; i++ {
		if !s.have.Has(i) {
			return false
		}
	}
	return true
}

// AnswerHashes sends a peer the hashes it asked for, now that the leaves of the pieces are at hand.
func (s *Swarm) AnswerHashes(id PeerID, work LeafWork, leaves []metainfo.HashV2) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[id]
	if p == nil {
		return
	}
	w := wireRequest(work.Request)
	if list, ok := s.content.Hashes.ServeLeaves(nil, work.Request, leaves); ok {
		p.conv.SendHashes(w, list)
	} else {
		p.conv.RejectHashes(w)
	}
	p.wake()
}
