package torrent

import (
	"iter"

	"github.com/potluck-p2p/potluck/internal/content"
)

// Segment is a run of a piece: bytes of one file, or, when Pad is above 0, that many zeros that no file holds.
type Segment struct {
	Extent content.Extent
	Pad    int64
}

// Len is the number of bytes the segment stands for on the wire.
func (s Segment) Len() int64 { return s.Extent.Length + s.Pad }

// Segments appends what length bytes of a piece from begin on are made of, in order. Bytes beyond the piece's end are
// left out, so a request from a peer must have been found Legal. With room in dst it allocates nothing.
func (l *Layout) Segments(dst []Segment, piece, begin, length int) []Segment {
	if begin < 0 || length <= 0 || begin >= l.PieceSize(piece) {
		return dst
	}
	start := int64(piece) * l.pieceLength
	for s := range l.stream(start+int64(begin), start+int64(min(length, l.PieceSize(piece)-begin))+int64(begin)) {
		dst = append(dst, s)
	}
	return dst
}

// AppendExtents appends the bytes of files that piece i covers, in order, padding left out. Pieces do not overlap and
// together cover every byte of the object.
func (l *Layout) AppendExtents(dst []content.Extent, i int) []content.Extent {
	if i < 0 || i >= l.pieces {
		return dst
	}
	start := int64(i) * l.pieceLength
	for s := range l.stream(start, start+l.pieceLength) {
		if s.Pad == 0 {
			dst = append(dst, s.Extent)
		}
	}
	return dst
}

// Extents lists the bytes of files that piece i covers, in order, padding left out.
func (l *Layout) Extents(i int) []content.Extent { return l.AppendExtents(nil, i) }

// Touches yields the files that piece i covers bytes of, in order.
func (l *Layout) Touches(i int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if i < 0 || i >= l.pieces {
			return
		}
		start := int64(i) * l.pieceLength
		for k := l.spanAt(start); k < len(l.spans) && l.spans[k].start < start+l.pieceLength; k++ {
			if !yield(l.spans[k].file) {
				return
			}
		}
	}
}

// FilePieces is the range of pieces that cover a file: from first up to but not including end. An empty file has none.
func (l *Layout) FilePieces(file int) (first, end int) {
	k, ok := l.spanOf(file)
	if !ok {
		if k < len(l.spans) {
			first = int(l.spans[k].start / l.pieceLength)
			return first, first
		}
		return l.pieces, l.pieces
	}
	s := l.spans[k]
	return int(s.start / l.pieceLength), int(ceilDiv(s.end, l.pieceLength))
}

// Complete is the set of pieces all of whose bytes are among those given, by file. A piece of nothing but padding is
// complete from the first.
func (l *Layout) Complete(have []content.Ranges) content.Bitmap {
	done := content.NewBitmap(l.pieces)
	// Runs of files that touch, directly or with only padding between them, are one run of the stream.
	var from, to int64
	add := func(a, b int64) {
		if a <= to {
			to = max(to, b)
			return
		}
		l.setWhole(&done, from, to)
		from, to = a, b
	}
	var at int64
	for _, s := range l.spans {
		add(at, s.start)
		if s.file < len(have) {
			for r := range have[s.file].All() {
				add(s.start+r.From, s.start+min(r.To, s.end-s.start))
			}
		}
		at = s.end
	}
	add(at, int64(l.pieces)*l.pieceLength)
	l.setWhole(&done, from, to)
	return done
}

// setWhole adds the pieces that lie wholly within from..to-1 of the stream.
func (l *Layout) setWhole(done *content.Bitmap, from, to int64) {
	for i := ceilDiv(from, l.pieceLength); i < to/l.pieceLength; i++ {
		done.Set(int(i))
	}
}

// stream yields what from..to-1 of the stream is made of. What lies between the files is padding, in a v2 layout too,
// where it is never on the wire.
func (l *Layout) stream(from, to int64) iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		for k := l.spanAt(from); from < to; k++ {
			if k == len(l.spans) || l.spans[k].start >= to {
				yield(Segment{Pad: to - from})
				return
			}
			s := l.spans[k]
			if from < s.start {
				if !yield(Segment{Pad: s.start - from}) {
					return
				}
				from = s.start
			}
			end := min(to, s.end)
			if !yield(Segment{Extent: content.Extent{File: s.file, Offset: from - s.start, Length: end - from}}) {
				return
			}
			from = end
		}
	}
}
