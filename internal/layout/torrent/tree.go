package torrent

import (
	"slices"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// A chunk is a run of piece hashes that is asked for at once: 512 of them, aligned.
// BEP 52: "Length SHOULD NOT be greater than 512."
const (
	chunkShift = 9
	chunkSize  = 1 << chunkShift
)

// tree is what is known of the BEP 52 hash tree of one file that is longer than a piece, or of several alike. Layers
// are counted from the leaves (blocks, layer 0) up to the root (layer height). Kept are the piece layer, in chunks that
// arrive in any order, and the few nodes from the chunks' roots upward, so that no proof costs more than hashing one
// chunk. Each kept hash has been proven against the root.
type tree struct {
	root   metainfo.HashV2
	size   int64
	first  int // first piece of the first file with this root
	pieces int
	height int // layer of the root
	base   int // layer of the pieces

	layer  []metainfo.HashV2   // by piece; nil until the first chunk is known
	upper  [][]metainfo.HashV2 // upper[k] is layer base+chunkShift+k, below the root; zero: not known
	chunks content.Bitmap      // which chunks of layer are known
}

func newTree(root metainfo.HashV2, size int64, first int, pieceLength int64) *tree {
	t := &tree{root: root, size: size, first: first, pieces: int(ceilDiv(size, pieceLength))}
	t.base = log2(pieceLength) - blockShift
	t.height = t.base + log2(ceilPow2(int64(t.pieces)))
	t.chunks = content.NewBitmap((t.pieces + chunkSize - 1) >> chunkShift)
	return t
}

// complete reports whether the whole piece layer is known.
func (t *tree) complete() bool { return t.chunks.Full() }

// piece is the hash of the n-th piece of the file, if known.
func (t *tree) piece(n int) (metainfo.HashV2, bool) {
	if !t.chunks.Has(n >> chunkShift) {
		return metainfo.HashV2{}, false
	}
	return t.layer[n], true
}

// grow makes room for the layer. It is called only when some hashes of it are proven.
func (t *tree) grow() {
	if t.layer != nil {
		return
	}
	t.layer = make([]metainfo.HashV2, t.pieces)
	for k := t.base + chunkShift; k < t.height; k++ {
		t.upper = append(t.upper, make([]metainfo.HashV2, 1<<(t.height-k)))
	}
}

// setLayer takes a whole piece layer, before anything of it is known, and reports whether it is the one of the root. The
// slice is kept.
func (t *tree) setLayer(layer []metainfo.HashV2) bool {
	if len(layer) != t.pieces || t.layer != nil {
		return false
	}
	var upper [][]metainfo.HashV2
	nodes, at := layer, t.base
	for at < t.height {
		step := min(chunkShift, t.height-at)
		if at > t.base {
			step = 1
			upper = append(upper, padTo(nodes, 1<<(t.height-at), at))
		}
		parents := make([]metainfo.HashV2, 0, len(nodes)>>step+1)
		for run := range slices.Chunk(nodes, 1<<step) {
			parents = append(parents, subtreeRoot(run, step, at))
		}
		nodes, at = parents, at+step
	}
	if nodes[0] != t.root {
		return false
	}
	t.layer, t.upper = layer, upper
	t.chunks.SetAll()
	return true
}

// padTo fills up a layer with the hashes of trees that are all padding.
func padTo(nodes []metainfo.HashV2, n, layer int) []metainfo.HashV2 {
	nodes = slices.Clip(slices.Grow(nodes, n-len(nodes)))
	for len(nodes) < n {
		nodes = append(nodes, padHashes[layer])
	}
	return nodes
}

// node is the hash of node i of a layer that is not below the pieces, if known.
func (t *tree) node(layer, i int) (metainfo.HashV2, bool) {
	if layer == t.height {
		return t.root, true
	}
	up := layer - t.base
	from := i << up
	if from >= t.pieces {
		return padHashes[layer], true
	}
	if up >= chunkShift {
		if t.upper == nil {
			return metainfo.HashV2{}, false
		}
		h := t.upper[up-chunkShift][i]
		return h, h != metainfo.HashV2{}
	}
	if !t.chunks.Has(from >> chunkShift) {
		return metainfo.HashV2{}, false
	}
	return subtreeRoot(t.layer[from:min(t.pieces, from+1<<up)], up, t.base), true
}

// setNode keeps a proven hash of a layer from the chunks' roots upward; those below are computed when needed.
func (t *tree) setNode(layer, i int, h metainfo.HashV2) {
	if up := layer - t.base - chunkShift; up >= 0 && layer < t.height {
		t.upper[up][i] = h
	}
}

// addChunk takes chunk c with the hashes that prove it, bottom up, and reports whether it is part of the tree. hashes
// are the pieces of the chunk, padded to a power of two.
func (t *tree) addChunk(c int, hashes, uncles []metainfo.HashV2) bool {
	from := c << chunkShift
	real := min(len(hashes), t.pieces-from)
	for _, h := range hashes[real:] {
		if h != padHashes[t.base] {
			return false
		}
	}
	up := log2(int64(len(hashes)))
	if t.base+up+len(uncles) != t.height {
		return false
	}
	node := subtreeRoot(hashes, up, t.base)
	h, i := node, from>>up
	for _, u := range uncles {
		h, i = climb(h, u, i), i>>1
	}
	if h != t.root {
		return false
	}
	// Only now that the way to the root is proven is anything kept.
	t.grow()
	copy(t.layer[from:], hashes[:real])
	h, i = node, from>>up
	for k, u := range uncles {
		t.setNode(t.base+up+k, i, h)
		t.setNode(t.base+up+k, i^1, u)
		h, i = climb(h, u, i), i>>1
	}
	t.chunks.Set(c)
	return true
}

// climb is the hash of the parent of node i, given its own hash and that of its sibling.
func climb(h, sibling metainfo.HashV2, i int) metainfo.HashV2 {
	if i&1 == 1 {
		return pair(sibling, h)
	}
	return pair(h, sibling)
}
