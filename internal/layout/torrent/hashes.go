package torrent

import (
	"bytes"
	"crypto/sha1"
	"sync"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Hashes is what is known of the digests of one object: SHA-1 of pieces (v1), roots of files, piece layers and, for
// pieces that failed, leaves (v2). Nothing is known here that has not been proven against the info dictionary.
//
// The info dictionary is verified as a whole, so all hashes in it deserve the same trust, whichever of its two
// info-hashes the user gave. A piece is therefore checked once: by its v2 hash where that is known, else by SHA-1. That
// halves the work for hybrids, and departs from BEP 52: "they must also verify that pieces match both piece hash
// formats". The price: a hybrid whose v1 and v2 hashes describe different bytes (a lie of its maker) is not told from one
// whose v1 peers send wrong bytes; no byte is ever taken that the info dictionary does not name.
//
// All methods may be called by many goroutines at once.
type Hashes struct {
	l      *Layout
	v1     []byte // SHA-1 of all pieces, or empty
	v2     bool
	files  []fileHash // by file
	large  []*tree    // the different trees, in order
	byRoot map[metainfo.HashV2]int

	mu      sync.RWMutex // guards what follows, and the contents of trees
	missing int          // trees that are not complete
	leaves  leafCache
}

// fileHash is what a file is checked against: its tree if it is longer than a piece, else its root alone.
type fileHash struct {
	size int64
	root metainfo.HashV2
	tree *tree
}

// NewHashes makes the hashes of an info dictionary and its layout. layers are piece layers by root, from a .torrent or
// kept from before; each is proven against its root, and one that is not right is left out.
func NewHashes(info *metainfo.Info, l *Layout, layers map[metainfo.HashV2][]metainfo.HashV2) *Hashes {
	h := &Hashes{l: l, v1: info.V1Pieces, v2: info.HasV2()}
	if !h.v2 {
		return h
	}
	h.files = make([]fileHash, len(info.Files))
	h.byRoot = make(map[metainfo.HashV2]int, len(info.Files))
	for i, f := range info.Files {
		h.files[i] = fileHash{size: f.Size, root: f.Root}
		if f.Size == 0 {
			continue
		}
		// BEP 52: "identical files always result in the same root hash", so they share a tree.
		first, known := h.byRoot[f.Root]
		if !known {
			h.byRoot[f.Root] = i
		}
		if f.Size <= info.PieceLength {
			continue
		}
		if known && h.files[first].size == f.Size {
			h.files[i].tree = h.files[first].tree
			continue
		}
		firstPiece, _ := l.FilePieces(i)
		t := newTree(f.Root, f.Size, firstPiece, info.PieceLength)
		if !t.setLayer(layers[f.Root]) {
			h.missing++
		}
		h.files[i].tree = t
		h.large = append(h.large, t)
	}
	return h
}

// HasLayers reports whether all piece layers are known. A v1 object has none to miss.
func (h *Hashes) HasLayers() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.missing == 0
}

// Layers is every piece layer that is known in full, by root. The slices are shared and must not be changed.
func (h *Hashes) Layers() map[metainfo.HashV2][]metainfo.HashV2 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	layers := make(map[metainfo.HashV2][]metainfo.HashV2)
	for _, t := range h.large {
		if t.complete() {
			layers[t.root] = t.layer
		}
	}
	return layers
}

// Verifiable reports whether piece i can be checked now. Only a piece of a v2 object can be without its hash.
func (h *Hashes) Verifiable(piece int) bool {
	_, known := h.expect(piece)
	return known
}

// expected is what a piece must hash to: SHA-1 of its bytes and padding, or the root of a tree over its blocks.
type expected struct {
	v2     bool
	sha1   metainfo.HashV1
	root   metainfo.HashV2
	height int // of the piece's tree
}

func (h *Hashes) expect(piece int) (expected, bool) {
	if piece < 0 || piece >= h.l.pieces {
		return expected{}, false
	}
	if h.v2 {
		if e, known := h.expectV2(piece); known {
			return e, true
		}
	}
	if len(h.v1) < (piece+1)*sha1.Size {
		return expected{}, false
	}
	return expected{sha1: metainfo.HashV1(h.v1[piece*sha1.Size:])}, true
}

func (h *Hashes) expectV2(piece int) (expected, bool) {
	file, n, ok := h.fileOf(piece)
	if !ok {
		return expected{}, false
	}
	f := &h.files[file]
	if f.tree == nil {
		return expected{v2: true, root: f.root, height: log2(ceilPow2(ceilDiv(f.size, BlockSize)))}, true
	}
	h.mu.RLock()
	root, known := f.tree.piece(n)
	h.mu.RUnlock()
	return expected{v2: true, root: root, height: f.tree.base}, known
}

// fileOf is the file that a piece of an aligned layout belongs to, and the piece's number in it. A piece of nothing but
// padding, which only a hybrid can have, belongs to none.
func (h *Hashes) fileOf(piece int) (file, n int, ok bool) {
	start := int64(piece) * h.l.pieceLength
	k := h.l.spanAt(start)
	if k == len(h.l.spans) || h.l.spans[k].start > start {
		return 0, 0, false
	}
	s := h.l.spans[k]
	return s.file, piece - int(s.start/h.l.pieceLength), true
}

// Verdict is the outcome of checking a piece.
type Verdict struct {
	// OK: every byte is the right one.
	OK bool
	// Unknown: the hash of the piece is not known yet. Nobody is to blame, nothing is proven.
	Unknown bool
	// Bad lists the blocks that are wrong, when that is known: all other blocks are right then.
	Bad []int
	// Leaves are, of a piece that is not OK, the LeafHash of each block, so that a later good copy tells which were wrong.
	Leaves []metainfo.HashV2
}

// Check tells whether data, the needed bytes of a piece, are the right ones. It allocates only when they are not.
func (h *Hashes) Check(piece int, data []byte) Verdict {
	want, known := h.expect(piece)
	if !known {
		return Verdict{Unknown: true}
	}
	if len(data) == h.l.Need(piece) && h.matches(want, piece, data) {
		return Verdict{OK: true}
	}
	return h.failed(piece, AppendLeafHashes(nil, data))
}

func (h *Hashes) matches(want expected, piece int, data []byte) bool {
	if want.v2 {
		return treeRoot(data, want.height) == want.root
	}
	pad := h.l.PieceSize(piece) - len(data)
	if pad == 0 {
		return sha1.Sum(data) == want.sha1
	}
	d := sha1.New()
	d.Write(data)
	writeZeros(d, int64(pad))
	var sum [sha1.Size]byte
	return bytes.Equal(d.Sum(sum[:0]), want.sha1[:])
}

// treeRoot is the root of a tree of the given height over the blocks of data.
func treeRoot(data []byte, height int) metainfo.HashV2 {
	var m merkle
	for len(data) > 0 {
		n := min(BlockSize, len(data))
		m.add(LeafHash(data[:n]))
		data = data[n:]
	}
	return m.root(height, 0)
}

// failed makes the verdict on a piece whose blocks hash to leaves, which are not what they should be.
func (h *Hashes) failed(piece int, leaves []metainfo.HashV2) Verdict {
	v := Verdict{Leaves: leaves}
	if len(leaves) == 1 {
		v.Bad = []int{0}
		return v
	}
	good, known := h.Leaves(piece)
	if !known || len(good) != len(leaves) {
		return v
	}
	for i := range leaves {
		if leaves[i] != good[i] {
			v.Bad = append(v.Bad, i)
		}
	}
	return v
}
