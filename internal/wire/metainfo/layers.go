package metainfo

import (
	"crypto/sha256"
	"math/bits"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// parseLayers reads the piece layers and checks each against the root of its file. Layers of no file are left out.
func (i *Info) parseLayers(v bencode.Value) (map[HashV2][]HashV2, error) {
	const field = "piece layers"
	need := make(map[HashV2]int64)
	for _, f := range i.Files {
		// BEP 52: "For each file in the file tree that is larger than the piece size"
		if f.Size > i.PieceLength {
			n := pieces(f.Size, i.PieceLength)
			if had, ok := need[f.Root]; ok && had != n {
				return nil, fault(field, "two files of different lengths have one root")
			}
			need[f.Root] = n
		}
	}
	if v.Kind() != bencode.Dict && (v.Kind() != bencode.None || len(need) > 0) {
		return nil, fault(field, "is missing or no dictionary")
	}
	layers := make(map[HashV2][]HashV2, len(need))
	for key, x := range v.Entries() {
		if len(key) != 32 {
			return nil, fault(field, "has a key that is not 32 bytes")
		}
		root := HashV2(key)
		n, ok := need[root]
		if !ok || layers[root] != nil {
			continue
		}
		b, _ := x.Bytes()
		if int64(len(b)) != 32*n {
			return nil, fault(field, "a layer is %d bytes, not %d for %d pieces", len(b), 32*n, n)
		}
		layer := make([]HashV2, n)
		for k := range layer {
			layer[k] = HashV2(b[32*k:])
		}
		// BEP 52: "A torrent is not valid if [...] the contained hashes do not match the merkle roots"
		if LayerRoot(layer, i.PieceLength) != root {
			return nil, fault(field, "a layer does not hash to the root of its file")
		}
		layers[root] = layer
	}
	if len(layers) != len(need) {
		return nil, fault(field, "has no layer for %d of %d files", len(need)-len(layers), len(need))
	}
	return layers, nil
}

// LayerRoot is the root of the hash tree whose piece layer is given. BEP 52: leaves "beyond the end of the file required
// to construct upper layers of the merkle tree are set to zero".
func LayerRoot(layer []HashV2, pieceLength int64) HashV2 {
	if len(layer) == 0 {
		return HashV2{}
	}
	// pad is the hash of a piece that lies wholly behind the end, then of ever larger parts of the tree.
	var pad HashV2
	for range bits.TrailingZeros64(uint64(pieceLength / BlockSize)) {
		pad = parent(pad, pad)
	}
	// open[k] is the left half, 2^k pieces wide, that still awaits its right one if bit k of done is set.
	var open [64]HashV2
	for done, h := range layer {
		k := 0
		for ; done>>k&1 == 1; k++ {
			h = parent(open[k], h)
		}
		open[k] = h
	}
	height := bits.Len(uint(len(layer) - 1))
	if len(layer) == 1<<height {
		return open[height]
	}
	// Fill up from the right: at each height either what is done goes left of the padding, or padding meets padding.
	right := pad
	for k := range height {
		if len(layer)>>k&1 == 1 {
			right = parent(open[k], right)
		} else {
			right = parent(right, pad)
		}
		pad = parent(pad, pad)
	}
	return right
}

func parent(left, right HashV2) HashV2 {
	var both [64]byte
	copy(both[:32], left[:])
	copy(both[32:], right[:])
	return sha256.Sum256(both[:])
}
