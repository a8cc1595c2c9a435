package peer

import (
	"math"
	"slices"
	"testing"
)

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		begin, length uint32
		want          []uint32 // begin and length, in turn
	}{
		{7, 0, []uint32{7, 0}},
		{5, 3, []uint32{5, 3}},
		{0, 16384, []uint32{0, 16384}},
		{32768, 2*16384 + 1, []uint32{32768, 16384, 49152, 16384, 65536, 1}},
		{math.MaxUint32 - 16384, 3 * 16384, []uint32{math.MaxUint32 - 16384, 16384, math.MaxUint32, 16384, math.MaxUint32, 16384}},
	} {
		m := Message{Type: Request, Index: 9, Begin: tt.begin, Length: tt.length}
		var got []uint32
		for b := range m.Cut(16384) {
			if b.Type != Request || b.Index != 9 {
				t.Errorf("%+v of %+v", b, m)
			}
			got = append(got, b.Begin, b.Length)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d+%d: %v", tt.begin, tt.length, got)
		}
	}
	m := Message{Type: Piece, Length: math.MaxUint32}
	for range m.Cut(1) { // whoever has enough stops
		break
	}
}

// FuzzCut: the blocks of a run are as long as it, together, and follow each other as far as there are names.
func FuzzCut(f *testing.F) {
	f.Add(uint32(0), uint32(MaxRun))
	f.Add(uint32(16384), uint32(16385))
	f.Add(uint32(math.MaxUint32-1), uint32(40000))
	f.Fuzz(func(t *testing.T, begin, length uint32) {
		length %= MaxRun + 1
		m := Message{Type: Piece, Begin: begin, Length: length}
		at, sum := uint64(begin), uint32(0)
		for b := range m.Cut(16384) {
			if uint64(b.Begin) != min(at, math.MaxUint32) || b.Length == 0 && length > 0 || b.Length > 16384 {
				t.Fatalf("block %d+%d, %d bytes into %d+%d", b.Begin, b.Length, sum, begin, length)
			}
			at += uint64(b.Length)
			sum += b.Length
		}
		if sum != length {
			t.Errorf("%d of %d bytes", sum, length)
		}
	})
}
