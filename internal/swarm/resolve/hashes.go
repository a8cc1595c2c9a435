package resolve

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Hashes gets what a v2 object needs and the info dictionary does not hold (BEP 52): the piece layers, and the leaves of
// pieces that failed, so that the next attempt tells which block was wrong. A run of hashes is asked of one peer at a time,
// and of another one when that rejects, stays silent, lies or leaves.
type Hashes struct {
	known  *torrent.Hashes
	layers bool // every piece layer is known
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
	// HashPatience is how long a peer may take to answer a hash request before another is asked.
	HashPatience = 10 * time.Second
	// HashRetry is how long after the last attempt those who were tried in vain are asked again.
	HashRetry = 30 * time.Second
	// hashForget is when an attempt is forgotten that nobody cares for any more.
	hashForget = 10 * time.Minute
)

// NewHashes gets what known lacks, and adds it there.
func NewHashes(known *torrent.Hashes) *Hashes {
	return &Hashes{known: known, layers: known.HasLayers(), asked: make(map[torrent.HashRequest]*hashAsk)}
}

// Lacking reports whether any hashes are wanted.
func (h *Hashes) Lacking() bool { return !h.layers || len(h.leaves) > 0 }

// Layered reports whether every piece layer is known: then every piece can be verified.
func (h *Hashes) Layered() bool { return h.layers }

// WantLeaves asks for the leaves of a piece that failed, if there are any to be had.
func (h *Hashes) WantLeaves(piece int) {
	_, known := h.known.Leaves(piece)
	_, ok := h.known.LeafRequest(piece)
	if ok && !known && !slices.Contains(h.leaves, piece) {
		h.leaves = append(h.leaves, piece)
	}
}

// Passed gives up the leaves of a piece that has passed.
func (h *Hashes) Passed(piece int) {
	h.leaves = slices.DeleteFunc(h.leaves, func(i int) bool { return i == piece })
}

// Next is what to ask a peer for: at most room runs of missing hashes that nobody is asked for, each with one piece at least
// that the peer has.
func (h *Hashes) Next(now time.Time, id PeerID, have *content.Bitmap, room int) (asks []torrent.HashRequest) {
	if room <= 0 || have.Count() == 0 {
		return nil
	}
	for _, piece := range slices.Clone(h.leaves) {
		r, ok := h.known.LeafRequest(piece)
		if !ok {
			h.Passed(piece)
		} else if h.ask(now, id, r, have, torrent.Pieces{First: piece, End: piece + 1}) {
			if asks = append(asks, r); len(asks) == room {
				return asks
			}
		}
	}
	if h.layers {
		return asks
	}
	for r, pieces := range h.known.Missing() {
		if h.ask(now, id, r, have, pieces) {
			if asks = append(asks, r); len(asks) == room {
				return asks
			}
		}
	}
	return asks
}

// ask notes that a peer is asked for a run of hashes, if it has one of the pieces and the run is not on its way.
func (h *Hashes) ask(now time.Time, id PeerID, r torrent.HashRequest, have *content.Bitmap, pieces torrent.Pieces) bool {
	a := h.asked[r]
	switch {
	case a == nil:
		a = &hashAsk{}
	case a.peer != 0:
		return false
	case slices.Contains(a.tried, id):
		if now.Sub(a.sent) < HashRetry {
			return false
		}
		a.tried = nil
	}
	for i := pieces.First; i < pieces.End; i++ {
		if have.Has(i) {
			a.peer, a.sent = id, now
			h.asked[r] = a
			return true
		}
	}
	return false
}

// Arrived takes the answer of a peer. Hashes prove themselves, so an error is no accident: the peer lies.
func (h *Hashes) Arrived(id PeerID, r torrent.HashRequest, list []metainfo.HashV2) error {
	if err := h.known.Add(r, list); err != nil {
		h.Failed(id, r)
		return err
	}
	delete(h.asked, r)
	h.leaves = slices.DeleteFunc(h.leaves, func(piece int) bool {
		_, known := h.known.Leaves(piece)
		return known
	})
	h.layers = h.layers || h.known.HasLayers()
	return nil
}

// Failed notes that a peer was asked in vain.
func (h *Hashes) Failed(id PeerID, r torrent.HashRequest) {
	if a := h.asked[r]; a != nil && a.peer == id {
		a.peer, a.tried = 0, append(a.tried, id)
	}
}

// Left forgets what a peer that left was asked for.
func (h *Hashes) Left(id PeerID) {
	for _, a := range h.asked {
		if a.peer == id {
			a.peer = 0
		}
	}
}

// Expire gives up on requests that were not answered, and reports whether there were any, so that others are asked.
func (h *Hashes) Expire(now time.Time) (some bool) {
	for r, a := range h.asked {
		switch age := now.Sub(a.sent); {
		case a.peer != 0 && age >= HashPatience:
			h.Failed(a.peer, r)
			some = true
		case a.peer == 0 && age >= hashForget:
			delete(h.asked, r)
		}
	}
	return some
}
