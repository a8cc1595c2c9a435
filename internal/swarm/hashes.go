package swarm

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// hashFetch gets what a v2 object needs and the info dictionary does not hold (BEP 52): the piece layers, and the leaves of
// pieces that failed, so that the next attempt tells which block was wrong. A run of hashes is asked of one peer at a time,
// and of another one when that rejects, stays silent, lies or leaves.
type hashFetch struct {
	asked  map[torrent.HashRequest]*hashAsk
	leaves []int // pieces whose leaves are wanted
}

// hashAsk is who was asked for a run of hashes.
type hashAsk struct {
	peer  PeerID // who is asked now; 0: nobody
	sent  time.Time
	tried []PeerID // in vain
}

const (
	// hashPatience is how long a peer may take to answer a hash request before another is asked.
	hashPatience = 10 * time.Second
	// hashRetry is how long after the last attempt those who were tried in vain are asked again.
	hashRetry = 30 * time.Second
	// hashForget is when an attempt is forgotten that nobody cares for any more.
	hashForget = 10 * time.Minute
)

func (f *hashFetch) init() { f.asked = make(map[torrent.HashRequest]*hashAsk) }

// forget gives up the leaves of a piece that has passed.
func (f *hashFetch) forget(piece int) {
	f.leaves = slices.DeleteFunc(f.leaves, func(i int) bool { return i == piece })
}

// unverifiable reports whether a piece must not be fetched yet, because nothing could tell whether it is right.
func (s *Swarm) unverifiable(piece int) bool { return !s.content.Hashes.Verifiable(piece) }

// askAllHashes looks for somebody to ask for the missing hashes that nobody is asked for.
func (s *Swarm) askAllHashes(now time.Time) {
	for _, p := range s.list {
		s.askHashes(now, p)
	}
}

// askHashes asks a peer for missing hashes that it must have.
func (s *Swarm) askHashes(now time.Time, p *peer) {
	if !p.started || p.kicked != nil || p.conv.HashRoom() <= 0 || p.have.Count() == 0 ||
		s.state != Fetching && s.state != Seeding {
		return
	}
	for _, piece := range slices.Clone(s.hashes.leaves) {
		r, ok := s.content.Hashes.LeafRequest(piece)
		if !ok {
			s.hashes.forget(piece)
		} else if !s.askHash(now, p, r, piece, piece+1) {
			return
		}
	}
	if s.exclude == nil {
		return
	}
	for r, pieces := range s.content.Hashes.Missing() {
		if !s.askHash(now, p, r, pieces.First, pieces.End) {
			return
		}
	}
}

// askHash asks the peer for one run of hashes, if it has one of the pieces from first up to end and the run is not on its
// way. It reports whether the peer may be asked for more.
func (s *Swarm) askHash(now time.Time, p *peer, r torrent.HashRequest, first, end int) bool {
	a := s.hashes.asked[r]
	switch {
	case a == nil:
		a = &hashAsk{}
	case a.peer != 0:
		return true
	case slices.Contains(a.tried, p.id):
		if now.Sub(a.sent) < hashRetry {
			return true
		}
		a.tried = nil
	}
	if !p.hasOneOf(first, end) {
		return true
	}
	a.peer, a.sent = p.id, now
	s.hashes.asked[r] = a
	p.conv.RequestHashes(wireRequest(r))
	p.wake()
	return p.conv.HashRoom() > 0
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
	_, known := s.content.Hashes.Leaves(piece)
	_, ok := s.content.Hashes.LeafRequest(piece)
	if ok && !known && !slices.Contains(s.hashes.leaves, piece) {
		s.hashes.leaves = append(s.hashes.leaves, piece)
	}
}

func (s *Swarm) hashesArrived(now time.Time, p *peer, w wire.HashRequest, payload []byte) error {
	r := hashRequest(w)
	list := make([]metainfo.HashV2, len(payload)/wire.HashSize)
	for i := range list {
		list[i] = metainfo.HashV2(payload[i*wire.HashSize:])
	}
	if err := s.content.Hashes.Add(r, list); err != nil {
		// Hashes prove themselves, so this is no accident.
		s.book.Bans.Add(now, p.addr.Addr())
		s.hashes.failed(r, p.id)
		s.kick(p, wire.ProtocolError("sent wrong hashes"))
		s.askAllHashes(now)
		return err
	}
	delete(s.hashes.asked, r)
	for _, piece := range slices.Clone(s.hashes.leaves) {
		if _, known := s.content.Hashes.Leaves(piece); known {
			s.hashes.forget(piece)
		}
	}
	if s.exclude != nil && s.content.Hashes.HasLayers() {
		s.exclude = nil
		s.facts.Layers = true
		s.wake()
	}
	s.askHashes(now, p)
	s.stir(now)
	return nil
}

func (s *Swarm) hashesRejected(now time.Time, p *peer, w wire.HashRequest) {
	s.hashes.failed(hashRequest(w), p.id)
	s.askAllHashes(now)
}

// failed notes that a peer was asked in vain.
func (f *hashFetch) failed(r torrent.HashRequest, id PeerID) {
	if a := f.asked[r]; a != nil && a.peer == id {
		a.peer, a.tried = 0, append(a.tried, id)
	}
}

// release forgets what a peer that left was asked for.
func (f *hashFetch) release(id PeerID) {
	for _, a := range f.asked {
		if a.peer == id {
			a.peer = 0
		}
	}
}

// expire gives up on requests that were not answered, and reports whether there were any, so that others are asked.
func (f *hashFetch) expire(now time.Time) (some bool) {
	for r, a := range f.asked {
		switch age := now.Sub(a.sent); {
		case a.peer != 0 && age >= hashPatience:
			f.failed(r, a.peer)
			some = true
		case a.peer == 0 && age >= hashForget:
			delete(f.asked, r)
		}
	}
	return some
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

// Bounds of the leaf work of one peer: requests that wait, and the bytes of pieces read for one of them.
const (
	maxLeafWork  = 4
	maxLeafBytes = 32 << 20
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
	case len(p.leafWork) < maxLeafWork && s.bytesOf(need) <= maxLeafBytes && s.hasAll(need):
		p.leafWork = append(p.leafWork, LeafWork{hashRequest(w), need.First, need.End})
		p.wake()
	default:
		p.conv.RejectHashes(w)
	}
}

func (s *Swarm) bytesOf(pieces torrent.Pieces) (bytes int64) {
	for i := pieces.First; i < pieces.End; i++ {
		bytes += int64(s.content.Layout.Need(i))
	}
	return bytes
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
