package torrent

import (
	"fmt"
	"iter"
	"slices"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// HashRequest asks for a run of hashes of one layer of a file's tree, and for the hashes that prove them.
//
// BEP 52: "The base layer defines the lowest requested layer of the hash tree. It is the number of layers above the
// leaf layer that the hash list should start at. [...] Index is the offset in hashes of the first requested hash in the
// base layer. [...] Length is the number of hashes to include from the base layer. [...] Proof layers is the number of
// ancestor layers to include."
//
// The answer is Length hashes, then one uncle hash for each ancestor layer that cannot be computed from them, bottom up:
// the sibling of the run's own root first. Counting starts one layer above the base, the first log2(Length)-1 ancestor
// layers need no uncle, and the root has none.
type HashRequest struct {
	Root        metainfo.HashV2
	BaseLayer   uint32
	Index       uint32
	Length      uint32
	ProofLayers uint32
}

// Pieces is a run of pieces: from First up to but not including End.
type Pieces struct{ First, End int }

// HashError says that the hashes a peer sent are not what was asked for or do not lead to the file's root: the peer lies.
type HashError struct {
	Request HashRequest
	Reason  string
}

func (e *HashError) Error() string {
	return fmt.Sprintf("torrent: hashes %d+%d of layer %d of %s: %s",
		e.Request.Index, e.Request.Length, e.Request.BaseLayer, e.Request.Root, e.Reason)
}

// maxHashes bounds the hashes of one message. 8192 leaves are a piece of 128 MiB.
const maxHashes = 8192

// Missing yields the requests for all runs of piece layers that are not known, each with the pieces whose hashes it
// brings, in order of pieces. A peer that has one of these pieces must be able to answer. Add may be called meanwhile.
func (h *Hashes) Missing() iter.Seq2[HashRequest, Pieces] {
	return func(yield func(HashRequest, Pieces) bool) {
		for _, t := range h.large {
			for c := h.nextMissing(t, 0); c >= 0; c = h.nextMissing(t, c+1) {
				from := c << chunkShift
				p := Pieces{t.first + from, t.first + min(t.pieces, from+chunkSize)}
				if !yield(t.request(c), p) {
					return
				}
			}
		}
	}
}

// nextMissing is the first chunk of t from c on that is not known, or -1.
func (h *Hashes) nextMissing(t *tree, c int) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if t.complete() {
		return -1
	}
	for ; c < t.chunks.Len(); c++ {
		if !t.chunks.Has(c) {
			return c
		}
	}
	return -1
}

// request asks for chunk c of the piece layer, with its proof up to the root.
func (t *tree) request(c int) HashRequest {
	from := c << chunkShift
	// BEP 52: "Length MUST be equal-to-or-greater-than two and a power of two".
	length := max(2, ceilPow2(int64(min(chunkSize, t.pieces-from))))
	return HashRequest{
		Root:        t.root,
		BaseLayer:   uint32(t.base),
		Index:       uint32(from),
		Length:      uint32(length),
		ProofLayers: uint32(t.height - t.base - 1),
	}
}

// LeafRequest asks for the hashes of all blocks of a piece, so that the wrong ones among them can be told. There is none
// for a piece whose v2 hash is not known, that has one block only, or whose leaves do not fit one message.
func (h *Hashes) LeafRequest(piece int) (HashRequest, bool) {
	if !h.v2 || piece < 0 || piece >= h.l.pieces {
		return HashRequest{}, false
	}
	want, known := h.expectV2(piece)
	if !known || want.height == 0 || 1<<want.height > maxHashes {
		return HashRequest{}, false
	}
	file, n, _ := h.fileOf(piece)
	index := int64(n) << want.height
	if index > 1<<32-1 {
		return HashRequest{}, false
	}
	// The piece's own hash is known, so no uncle is asked for.
	return HashRequest{
		Root:        h.files[file].root,
		Index:       uint32(index),
		Length:      1 << want.height,
		ProofLayers: uint32(want.height - 1),
	}, true
}

// Add takes a peer's answer to a request of Missing or LeafRequest. The hashes are kept only if they are proven by what
// is known; if they are not, the error is a *HashError and the peer is to blame. An answer already known is fine.
func (h *Hashes) Add(req HashRequest, hashes []metainfo.HashV2) error {
	file, known := h.byRoot[req.Root]
	if !known {
		return &HashError{req, "no file has this root"}
	}
	t := h.files[file].tree
	if t != nil && int(req.BaseLayer) == t.base {
		return h.addChunk(t, req, hashes)
	}
	if req.BaseLayer == 0 {
		return h.addLeaves(file, req, hashes)
	}
	return &HashError{req, "neither the layer of pieces nor of leaves"}
}

func (h *Hashes) addChunk(t *tree, req HashRequest, hashes []metainfo.HashV2) error {
	c := int(req.Index) >> chunkShift
	if c >= t.chunks.Len() || req != t.request(c) {
		return &HashError{req, "not what was asked for"}
	}
	if len(hashes) != int(req.Length)+t.height-t.base-log2(int64(req.Length)) {
		return &HashError{req, "wrong number of hashes"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.chunks.Has(c) {
		return nil
	}
	if !t.addChunk(c, hashes[:req.Length], hashes[req.Length:]) {
		return &HashError{req, "they do not lead to the root"}
	}
	if t.complete() {
		h.missing--
	}
	return nil
}

func (h *Hashes) addLeaves(file int, req HashRequest, hashes []metainfo.HashV2) error {
	first, end := h.l.FilePieces(file)
	piece := first + int(int64(req.Index)<<blockShift/h.l.pieceLength)
	if want, ok := h.LeafRequest(piece); piece >= end || !ok || req != want {
		return &HashError{req, "not what was asked for"}
	}
	if len(hashes) != int(req.Length) {
		return &HashError{req, "wrong number of hashes"}
	}
	want, _ := h.expectV2(piece)
	if subtreeRoot(hashes, want.height, 0) != want.root {
		return &HashError{req, "they do not lead to the piece's hash"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaves.put(leafKey{req.Root, piece - first}, slices.Clone(hashes[:h.l.Blocks(piece)]))
	return nil
}
