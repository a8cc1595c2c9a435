package torrent

import (
	"math/bits"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Serve answers a peer's request, appending to dst what the hashes message carries: Length hashes, then the uncles.
// ok is false if the request must be rejected: it is none that BEP 52 allows, or we do not know the hashes.
//
// Hashes below the pieces are not kept. If need is not empty, nothing is appended, and the caller, if it has these
// pieces and wants to spend the reading, passes the leaf hashes of all of their blocks to ServeLeaves.
//
// BEP 52: "Clients are only required to support setting the base layer to the leaf and piece layers."
func (h *Hashes) Serve(dst []metainfo.HashV2, req HashRequest) (hashes []metainfo.HashV2, need Pieces, ok bool) {
	q, ok := h.parse(req)
	if !ok {
		return dst, Pieces{}, false
	}
	if q.base < q.pieceLayer {
		return dst, q.pieces, true
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	hashes, ok = h.answer(dst, q, nil)
	return hashes, Pieces{}, ok
}

// ServeLeaves answers a request for which Serve named the pieces it needs. leaves are the hashes of all their blocks in
// order. ok is false if these are not the leaves of the tree, as when the file has changed.
func (h *Hashes) ServeLeaves(dst []metainfo.HashV2, req HashRequest, leaves []metainfo.HashV2) (hashes []metainfo.HashV2, ok bool) {
	q, ok := h.parse(req)
	if !ok || q.base >= q.pieceLayer {
		return dst, false
	}
	rest := leaves
	for p := q.pieces.First; p < q.pieces.End; p++ {
		n := h.l.Blocks(p)
		want, known := h.expectV2(p)
		if !known || len(rest) < n || subtreeRoot(rest[:n], want.height, 0) != want.root {
			return dst, false
		}
		rest = rest[n:]
	}
	if len(rest) != 0 {
		return dst, false
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.answer(dst, q, leaves)
}

// query is a request that was found legal, with the geometry of its tree.
type query struct {
	t          *tree // nil for a file of one piece
	height     int
	pieceLayer int // the layer of pieces; the root's if the file has one piece only
	blocks     int64

	base, up    int // the run spans 2^up nodes of layer base
	from, count int64
	proof       int
	pieces      Pieces // that the run lies in
}

// parse checks a request against the file it is for. Everything in it is a peer's word.
func (h *Hashes) parse(req HashRequest) (query, bool) {
	file, known := h.byRoot[req.Root]
	if !known || req.Length == 0 || req.Length > maxHashes {
		return query{}, false
	}
	f := &h.files[file]
	q := query{t: f.tree, blocks: ceilDiv(f.size, BlockSize), from: int64(req.Index), count: int64(req.Length)}
	q.height = log2(ceilPow2(q.blocks))
	q.pieceLayer = q.height
	if q.t != nil {
		q.pieceLayer = q.t.base
	}
	if req.BaseLayer != 0 && int64(req.BaseLayer) != int64(q.pieceLayer) {
		return query{}, false
	}
	q.base = int(req.BaseLayer)
	q.up = bits.Len32(req.Length - 1)
	width := ceilDiv(q.blocks, 1<<q.base) // nodes of the layer that are no padding
	switch {
	case q.base+q.up > q.height || q.from >= width:
		return query{}, false
	case q.from&(1<<q.up-1) != 0:
		// BEP 52: "Index MUST be a multiple of length, this includes zero."
		return query{}, false
	case (q.count == 1 || q.count != 1<<q.up) && q.from+q.count != width:
		// BEP 52: "Length MUST be equal-to-or-greater-than two and a power of two unless it gets truncated by the end
		// of the layer."
		return query{}, false
	case int64(req.ProofLayers) >= int64(max(1, q.height-q.base)):
		return query{}, false
	}
	q.proof = int(req.ProofLayers)
	if q.base < q.pieceLayer {
		if perPiece := int64(1) << q.pieceLayer; q.count > max(chunkSize, perPiece) {
			return query{}, false
		}
		first, end := h.l.FilePieces(file)
		end = min(end, first+int(ceilDiv(q.from+1<<q.up, 1<<q.pieceLayer)))
		q.pieces = Pieces{first + int(q.from>>q.pieceLayer), end}
	}
	return q, true
}

// answer appends the run and its uncles. leaves are those of q.pieces, or nil if the run is of the layer of pieces.
func (h *Hashes) answer(dst []metainfo.HashV2, q query, leaves []metainfo.HashV2) ([]metainfo.HashV2, bool) {
	out := dst
	for i := q.from; i < q.from+q.count; i++ {
		n, ok := q.node(q.base, i, leaves)
		if !ok {
			return dst, false
		}
		out = append(out, n)
	}
	for k := q.up; k <= q.proof; k++ {
		n, ok := q.node(q.base+k, q.from>>k^1, leaves)
		if !ok {
			return dst, false
		}
		out = append(out, n)
	}
	return out, true
}

// node is the hash of node i of a layer, from the tree if that reaches down to it, else from leaves.
func (q *query) node(layer int, i int64, leaves []metainfo.HashV2) (metainfo.HashV2, bool) {
	if layer >= q.pieceLayer && q.t != nil {
		return q.t.node(layer, int(i))
	}
	from, end := i<<layer, min(q.blocks, (i+1)<<layer)
	if from >= end {
		return padHashes[layer], true
	}
	// The leaves at hand start with those of the first piece of the run.
	skip := q.from >> q.pieceLayer << q.pieceLayer
	from, end = from-skip, end-skip
	if from < 0 || end > int64(len(leaves)) {
		return metainfo.HashV2{}, false
	}
	return subtreeRoot(leaves[from:end], layer, 0), true
}
