// Package torrent is how BitTorrent cuts an object into pieces and verifies them: BEP 3 (v1), BEP 47 (padding) and
// BEP 52 (v2, and hybrids of both).
//
// All three formats are one picture here. The object's files lie on a line, the stream, and every PieceLength bytes of
// the stream are a piece; bytes of the stream that belong to no file are padding and read as zeros:
//
//	v1       |aaaaaaaabb|bbbbbbccdd|dddd|        files follow each other, pieces straddle them, the last is short
//	hybrid   |aaaaaaaa00|bbbbbbbb00|cc  |        every file but the first starts behind BEP 47 padding
//	v2       |aaaaaaaa  |bbbbbbbb  |cc  |        the same places, but the gaps are no part of any piece's hash
//
// A Layout answers where on the line something is, Hashes whether bytes are the right ones, Scan makes the hashes of
// new content. Nothing here opens a file or a socket: bytes are handed in.
package torrent

import (
	"math/bits"
	"slices"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// BlockSize is the number of bytes peers ask for at a time, and what one leaf of a BEP 52 tree covers.
const BlockSize = 16384

// blockShift is the binary logarithm of BlockSize.
const blockShift = 14

// span is where a file that is not empty lies in the stream: from start up to but not including end.
type span struct {
	start, end int64
	file       int
}

// Layout tells how an object is cut into pieces and blocks. It does not change once made, takes no memory per piece,
// and may be used by many goroutines.
type Layout struct {
	pieceLength int64
	pieces      int
	end         int64 // where the stream ends: for v1 and hybrids behind trailing padding, if any
	padded      bool  // padding counts as bytes of a piece on the wire (v1 and hybrids)
	aligned     bool  // every file starts a piece (v2 and hybrids)
	spans       []span
}

// New makes the layout of an info dictionary.
func New(info *metainfo.Info) *Layout {
	l := &Layout{pieceLength: info.PieceLength, padded: info.HasV1(), aligned: info.HasV2()}
	l.spans = make([]span, 0, len(info.Files))
	if !l.padded {
		for i, f := range info.Files {
			l.append(i, f.Size)
		}
		return l.seal(l.end)
	}
	for i, f := range info.Files {
		if f.Size > 0 {
			l.spans = append(l.spans, span{f.V1Offset, f.V1Offset + f.Size, i})
		}
	}
	return l.seal(info.V1Length)
}

// append puts the next file behind the ones before, at a piece boundary if the layout is aligned.
func (l *Layout) append(file int, size int64) {
	if size == 0 {
		return
	}
	start := l.end
	if l.aligned {
		start = ceilDiv(start, l.pieceLength) * l.pieceLength
	}
	l.end = start + size
	l.spans = append(l.spans, span{start, l.end, file})
}

func (l *Layout) seal(end int64) *Layout {
	l.end = end
	l.pieces = int(ceilDiv(end, l.pieceLength))
	return l
}

// Pieces is the number of pieces.
func (l *Layout) Pieces() int { return l.pieces }

// PieceLength is the nominal size of a piece in bytes.
func (l *Layout) PieceLength() int64 { return l.pieceLength }

// PieceSize is the number of bytes of piece i on the wire, padding included: a peer may ask for no byte beyond it.
// It is 0 for a piece that does not exist.
func (l *Layout) PieceSize(i int) int {
	if i < 0 || i >= l.pieces {
		return 0
	}
	start := int64(i) * l.pieceLength
	if l.padded {
		return int(min(l.pieceLength, l.end-start))
	}
	// BEP 52: "The last piece of each file may be shorter than the specified piece length". libtorrent 2.0 asks for whole
	// blocks all the same, and takes zeros for what lies behind the file's end.
	need := l.spans[l.spanAt(start)].end - start
	return int(min(l.pieceLength, ceilDiv(need, BlockSize)*BlockSize))
}

// Need is the number of bytes of piece i that must be asked for: all but padding at its end. Padding between two files
// of one piece is part of it.
func (l *Layout) Need(i int) int {
	if i < 0 || i >= l.pieces {
		return 0
	}
	start := int64(i) * l.pieceLength
	end := start + l.pieceLength
	// k is the first file that reaches over the piece's last byte or lies behind it.
	k := l.spanAt(end - 1)
	if k < len(l.spans) && l.spans[k].start < end {
		return int(l.pieceLength)
	}
	if k == 0 {
		return 0
	}
	return int(max(0, l.spans[k-1].end-start))
}

// Blocks is the number of blocks that make up the needed bytes of piece i.
func (l *Layout) Blocks(i int) int { return (l.Need(i) + BlockSize - 1) >> blockShift }

// Block is where block b of piece i lies in it. Only the last block is shorter than BlockSize.
func (l *Layout) Block(i, b int) (begin, length int) {
	begin = b << blockShift
	return begin, max(0, min(BlockSize, l.Need(i)-begin))
}

// Legal reports whether a peer may ask for these bytes: a run of at least one byte within an existing piece.
func (l *Layout) Legal(piece, begin, length uint32) bool {
	if int64(piece) >= int64(l.pieces) || length == 0 {
		return false
	}
	return int64(begin)+int64(length) <= int64(l.PieceSize(int(piece)))
}

// spanAt finds the first file that ends behind offset at: the one the byte belongs to, or if that is padding, the next.
func (l *Layout) spanAt(at int64) int {
	lo, hi := 0, len(l.spans)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.spans[mid].end > at {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// spanOf finds a file by its number; if it is empty, the place where it would be.
func (l *Layout) spanOf(file int) (int, bool) {
	return slices.BinarySearchFunc(l.spans, file, func(s span, file int) int { return s.file - file })
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// ceilPow2 is the smallest power of two that is not below n.
func ceilPow2(n int64) int64 {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len64(uint64(n-1))
}

// log2 is the binary logarithm of a power of two.
func log2(n int64) int { return bits.Len64(uint64(n)) - 1 }
