package torrent

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const kib = 1 << 10

func TestPieces(t *testing.T) {
	type piece struct{ size, need int }
	tests := []struct {
		name   string
		format metainfo.Format
		length int64
		sizes  []int64
		want   []piece
	}{
		{"v1 lone", metainfo.FormatV1, 10, []int64{25}, []piece{{10, 10}, {10, 10}, {5, 5}}},
		{"v1 straddling", metainfo.FormatV1, 10, []int64{4, 0, 4, 4}, []piece{{10, 10}, {2, 2}}},
		{"v2", metainfo.FormatV2, 32 * kib, []int64{0, 5, 40 * kib, 32 * kib, 0}, []piece{{16 * kib, 5}, {32 * kib, 32 * kib}, {16 * kib, 8 * kib}, {32 * kib, 32 * kib}}},
		{"hybrid", metainfo.FormatHybrid, 32 * kib, []int64{5, 40 * kib, 7}, []piece{{32 * kib, 5}, {32 * kib, 32 * kib}, {32 * kib, 8 * kib}, {32 * kib, 7}}},
		{"hybrid lone", metainfo.FormatHybrid, 32 * kib, []int64{40 * kib}, []piece{{32 * kib, 32 * kib}, {8 * kib, 8 * kib}}},
		{"empty", metainfo.FormatV1, 10, []int64{0, 0}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := New(makeInfo(tt.format, tt.length, tt.sizes))
			var got []piece
			for i := range l.Pieces() {
				got = append(got, piece{l.PieceSize(i), l.Need(i)})
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Padding of BEP 47 may lie anywhere in a v1 stream, not only where hybrids need it.
func TestV1Padding(t *testing.T) {
	info := makeInfo(metainfo.FormatV1, 100, []int64{30, 50, 10})
	info.Files[1].V1Offset = 40
	info.Files[2].V1Offset = 300
	info.V1Length = 450
	l := New(info)
	want := []struct {
		size, need int
		extents    []content.Extent
	}{
		{100, 90, []content.Extent{{File: 0, Length: 30}, {File: 1, Length: 50}}},
		{100, 0, nil}, {100, 0, nil},
		{100, 10, []content.Extent{{File: 2, Length: 10}}},
		{50, 0, nil},
	}
	if l.Pieces() != len(want) {
		t.Fatalf("%d pieces", l.Pieces())
	}
	for i, w := range want {
		if l.PieceSize(i) != w.size || l.Need(i) != w.need || !slices.Equal(l.Extents(i), w.extents) {
			t.Errorf("piece %d: size %d, need %d, %v, want %+v", i, l.PieceSize(i), l.Need(i), l.Extents(i), w)
		}
	}
	got := l.Segments(nil, 0, 20, 30)
	if !slices.Equal(got, []Segment{{Extent: content.Extent{File: 0, Offset: 20, Length: 10}}, {Pad: 10}, {Extent: content.Extent{File: 1, Length: 10}}}) {
		t.Errorf("segments are %v", got)
	}
	done := l.Complete(make([]content.Ranges, 3))
	if done.Count() != 3 || done.Has(0) || done.Has(3) {
		t.Errorf("with nothing had, %d pieces are complete", done.Count())
	}
}

func TestLegal(t *testing.T) {
	l := New(makeInfo(metainfo.FormatV2, 32*kib, []int64{40 * kib, 5}))
	tests := []struct {
		piece, begin, length uint32
		want                 bool
	}{
		{0, 0, 16 * kib, true}, {0, 16 * kib, 16 * kib, true}, {1, 0, 8 * kib, true}, {1, 0, 16 * kib, true}, {2, 4, 1, true}, {2, 0, 16 * kib, true},
		{0, 0, 0, false}, {0, 16*kib + 1, 16 * kib, false}, {1, 1, 16 * kib, false}, {2, 16 * kib, 1, false}, {3, 0, 1, false},
		{1<<32 - 1, 0, 1, false}, {0, 1<<32 - 1, 1<<32 - 1, false}, {0, 1<<32 - 1, 1, false},
	}
	for _, tt := range tests {
		if got := l.Legal(tt.piece, tt.begin, tt.length); got != tt.want {
			t.Errorf("Legal(%d, %d, %d) = %v", tt.piece, tt.begin, tt.length, got)
		}
	}
}

func TestOutOfBounds(t *testing.T) {
	l := New(makeInfo(metainfo.FormatHybrid, 32*kib, []int64{40 * kib, 5}))
	for _, i := range []int{-1, l.Pieces(), 1 << 30} {
		if l.PieceSize(i) != 0 || l.Need(i) != 0 || l.Blocks(i) != 0 || l.Extents(i) != nil || l.Segments(nil, i, 0, 1) != nil {
			t.Errorf("piece %d exists", i)
		}
		for range l.Touches(i) {
			t.Errorf("piece %d touches files", i)
		}
	}
	if l.Segments(nil, 0, -1, 5) != nil || l.Segments(nil, 0, 0, -5) != nil || l.Segments(nil, 0, 32*kib, 1) != nil {
		t.Error("segments out of bounds")
	}
}

// cell is one byte of the stream in the naive model: of a file, or padding on the wire, or nowhere.
type cell struct {
	file int
	at   int64
}

const (
	padCell  = -1
	voidCell = -2
)

// naive lays out the stream byte by byte.
func naive(info *metainfo.Info) (stream []cell) {
	fill := func(to int64, what int) {
		for int64(len(stream)) < to {
			stream = append(stream, cell{file: what})
		}
	}
	for i, f := range info.Files {
		if f.Size > 0 {
			gap := padCell
			if !info.HasV1() {
				gap = voidCell
			}
			fill(f.V1Offset, gap)
		}
		for at := range f.Size {
			stream = append(stream, cell{i, at})
		}
	}
	fill(info.V1Length, padCell)
	return stream
}

// checkLayout compares a layout with the naive model.
func checkLayout(t *testing.T, info *metainfo.Info, rng *rand.Rand) {
	t.Helper()
	l := New(info)
	stream := naive(info)
	n := int(info.PieceLength)
	if want := (len(stream) + n - 1) / n; l.Pieces() != want {
		t.Fatalf("%d pieces, want %d", l.Pieces(), want)
	}
	covered := make(map[int][2]int)
	for i := range l.Pieces() {
		piece := slices.Clone(stream[i*n : min(len(stream), i*n+n)])
		need := len(piece)
		for need > 0 && piece[need-1].file < 0 {
			need--
		}
		if !info.HasV1() {
			piece = piece[:need]
			for len(piece) < n && len(piece)%BlockSize != 0 {
				piece = append(piece, cell{file: padCell})
			}
		}
		size := len(piece)
		if l.PieceSize(i) != size || l.Need(i) != need {
			t.Fatalf("piece %d: size %d need %d, want %d %d", i, l.PieceSize(i), l.Need(i), size, need)
		}
		sum := 0
		for b := range l.Blocks(i) {
			begin, length := l.Block(i, b)
			if begin != sum || length <= 0 {
				t.Fatalf("piece %d block %d: %d+%d", i, b, begin, length)
			}
			sum += length
		}
		if sum != need {
			t.Fatalf("blocks of piece %d are %d bytes, want %d", i, sum, need)
		}
		checkSegments(t, piece, l.Segments(nil, i, 0, n))
		begin := rng.IntN(n)
		length := rng.IntN(n)
		checkSegments(t, piece[min(size, begin):min(size, begin+length)], l.Segments(nil, i, begin, length))
		var files []int
		for _, e := range l.Extents(i) {
			files = append(files, e.File)
			c, seen := covered[e.File]
			if !seen {
				c = [2]int{i, i}
			}
			covered[e.File] = [2]int{c[0], i + 1}
		}
		if got := slices.Collect(l.Touches(i)); !slices.Equal(got, files) {
			t.Fatalf("piece %d touches %v, want %v", i, got, files)
		}
	}
	have := make([]content.Ranges, len(info.Files))
	got := make([]bool, len(stream))
	for i, c := range stream {
		got[i] = c.file < 0
	}
	for i, f := range info.Files {
		first, end := l.FilePieces(i)
		if c := covered[i]; end-first != c[1]-c[0] || end > first && first != c[0] {
			t.Fatalf("file %d has pieces %d to %d, want %v", i, first, end, c)
		}
		for range 3 {
			if f.Size == 0 {
				break
			}
			a, b := rng.Int64N(f.Size), rng.Int64N(f.Size+1)
			if rng.IntN(3) == 0 {
				a, b = 0, f.Size
			}
			have[i].Add(a, b)
			for at := a; at < b; at++ {
				got[f.V1Offset+at] = true
			}
		}
	}
	done := l.Complete(have)
	for i := range l.Pieces() {
		want := !slices.Contains(got[i*n:min(len(stream), i*n+n)], false)
		if done.Has(i) != want {
			t.Fatalf("piece %d complete: %v, want %v", i, done.Has(i), want)
		}
	}
}

// checkSegments compares segments with the cells they stand for.
func checkSegments(t *testing.T, cells []cell, segments []Segment) {
	t.Helper()
	k := 0
	for _, s := range segments {
		if s.Len() <= 0 || s.Pad > 0 && s.Extent != (content.Extent{}) {
			t.Fatalf("malformed segment %+v", s)
		}
		for j := range s.Len() {
			if k == len(cells) {
				t.Fatalf("segments %v are longer than %d", segments, len(cells))
			}
			c := cells[k]
			if s.Pad > 0 && c.file >= 0 || s.Pad == 0 && (c != cell{s.Extent.File, s.Extent.Offset + j}) {
				t.Fatalf("byte %d is %v, but the segment says %+v", k, c, s)
			}
			k++
		}
	}
	if k < len(cells) && cells[k].file != voidCell {
		t.Fatalf("segments end at %d of %d", k, len(cells))
	}
}

func FuzzLayout(f *testing.F) {
	f.Add(uint8(1), uint8(10), uint64(1), []byte{4, 0, 4, 4})
	f.Add(uint8(2), uint8(8), uint64(2), []byte{0, 5, 20, 8, 0})
	f.Add(uint8(3), uint8(8), uint64(3), []byte{5, 20, 0, 7})
	f.Add(uint8(4), uint8(20), uint64(4), []byte{30, 10, 50, 0, 0, 90, 1})
	f.Add(uint8(1), uint8(1), uint64(5), []byte{0})
	f.Fuzz(func(t *testing.T, kind, pieceLength uint8, seed uint64, bytes []byte) {
		if len(bytes) > 40 || pieceLength == 0 {
			return
		}
		sizes := make([]int64, len(bytes))
		for i, b := range bytes {
			sizes[i] = int64(b)
		}
		format := metainfo.Format(kind % 4)
		if format != 0 {
			checkLayout(t, makeInfo(format, int64(pieceLength), sizes), rand.New(rand.NewPCG(seed, 0)))
			return
		}
		// v1 with padding after any file: every second size is one of padding.
		var files []int64
		for i := 0; i < len(sizes); i += 2 {
			files = append(files, sizes[i])
		}
		info := makeInfo(metainfo.FormatV1, int64(pieceLength), files)
		var at int64
		for i := range sizes {
			if i%2 == 0 {
				info.Files[i/2].V1Offset = at
			}
			at += sizes[i]
		}
		info.V1Length = at
		checkLayout(t, info, rand.New(rand.NewPCG(seed, 0)))
	})
}

// manyFiles is 10,000 files in two million pieces.
func manyFiles() *Layout {
	sizes := make([]int64, 10000)
	for i := range sizes {
		sizes[i] = 209 * 16 * kib
	}
	return New(makeInfo(metainfo.FormatV1, 16*kib, sizes))
}

func TestNoAllocations(t *testing.T) {
	l := manyFiles()
	segments := make([]Segment, 0, 8)
	extents := make([]content.Extent, 0, 8)
	i := 0
	got := testing.AllocsPerRun(1000, func() {
		i = (i + 7919) % l.Pieces()
		segments = l.Segments(segments[:0], i, 100, 10*kib)
		extents = l.AppendExtents(extents[:0], i)
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
	o := share(t, metainfo.FormatHybrid, 64*kib, contents([]int64{200 * kib, 5}))
	b := o.needed(1)
	if got := testing.AllocsPerRun(100, func() { o.hashes.Check(1, b) }); got != 0 {
		t.Errorf("%v allocations to check a piece", got)
	}
}

func BenchmarkSegments(b *testing.B) {
	l := manyFiles()
	dst := make([]Segment, 0, 8)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 7919) % l.Pieces()
		dst = l.Segments(dst[:0], i, 0, BlockSize)
	}
}

func BenchmarkExtents(b *testing.B) {
	l := manyFiles()
	dst := make([]content.Extent, 0, 8)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 7919) % l.Pieces()
		dst = l.AppendExtents(dst[:0], i)
	}
}

func BenchmarkComplete(b *testing.B) {
	l := manyFiles()
	have := make([]content.Ranges, 10000)
	for i := range have {
		have[i].Add(0, 209*16*kib)
	}
	for b.Loop() {
		if m := l.Complete(have); !m.Full() {
			b.Fatal("not full")
		}
	}
}
