package torrent

import (
	"crypto/sha256"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// maxHeight bounds the layers of a tree above its leaves: 2^maxHeight leaves are more than the largest object has.
const maxHeight = 48

// padHashes holds the roots of trees whose leaves are all padding, by height.
// BEP 52: "The remaining leaf hashes beyond the end of the file required to construct upper layers of the merkle tree
// are set to zero."
var padHashes = makePadHashes()

func makePadHashes() (pads [maxHeight + 1]metainfo.HashV2) {
	for i := 1; i < len(pads); i++ {
		pads[i] = pair(pads[i-1], pads[i-1])
	}
	return pads
}

// pair is the hash of a node with these children.
func pair(left, right metainfo.HashV2) metainfo.HashV2 {
	var b [64]byte
	copy(b[:32], left[:])
	copy(b[32:], right[:])
	return sha256.Sum256(b[:])
}

// LeafHash is the BEP 52 hash of one block: of BlockSize bytes, or fewer at the end of a file.
func LeafHash(block []byte) metainfo.HashV2 { return sha256.Sum256(block) }

// AppendLeafHashes appends the hash of each block of data, which starts at a block boundary.
func AppendLeafHashes(dst []metainfo.HashV2, data []byte) []metainfo.HashV2 {
	for len(data) > 0 {
		n := min(BlockSize, len(data))
		dst = append(dst, LeafHash(data[:n]))
		data = data[n:]
	}
	return dst
}

// merkle computes the root of a tree from its lowest layer, one hash after the other, and keeps only one hash per
// layer. The zero value is ready for the first hash.
type merkle struct {
	n    int64
	open [maxHeight + 1]metainfo.HashV2 // open[k] is a finished subtree of height k if bit k of n is set
}

func (m *merkle) add(h metainfo.HashV2) {
	k := 0
	for ; m.n>>k&1 == 1; k++ {
		h = pair(m.open[k], h)
	}
	m.open[k] = h
	m.n++
}

// root closes a tree of the given height, whose lowest layer lies base layers above the leaves and is padded at its end.
func (m *merkle) root(height, base int) metainfo.HashV2 {
	if m.n == 0 {
		return padHashes[base+height]
	}
	if m.n>>height == 1 {
		return m.open[height]
	}
	var h metainfo.HashV2
	started := false
	for k := range height {
		set := m.n>>k&1 == 1
		switch {
		case started && set:
			h = pair(m.open[k], h)
		case started:
			h = pair(h, padHashes[base+k])
		case set:
			h, started = pair(m.open[k], padHashes[base+k]), true
		}
	}
	return h
}

// subtreeRoot is the root over hashes, padded at their end to 2^height, that lie base layers above the leaves.
func subtreeRoot(hashes []metainfo.HashV2, height, base int) metainfo.HashV2 {
	var m merkle
	for _, h := range hashes {
		m.add(h)
	}
	return m.root(height, base)
}
