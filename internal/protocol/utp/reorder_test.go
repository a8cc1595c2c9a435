package utp

import (
	"slices"
	"testing"

	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

func TestReorderIsBounded(t *testing.T) {
	r := reorder{maxBlocks: 2, account: new(account)}
	big := make([]byte, 40_000)
	if !r.put(10, 12, slotData, big) || !r.put(10, 13, slotData, big) || r.put(10, 14, slotData, big) {
		t.Error("holds more than two blocks")
	}
	// A small one still fits, but none that is too far ahead.
	if !r.put(10, 500, slotData, []byte("x")) || r.put(10, 10+maxAhead+1, slotData, nil) {
		t.Error("too far ahead")
	}
	for _, seq := range []uint16{12, 13, 500} {
		if !r.has(10, seq) {
			t.Errorf("lost %d", seq)
		}
		s, p := r.take(seq)
		if s.kind != slotData || len(p) != s.n {
			t.Errorf("%d: %+v", seq, s)
		}
		r.done(s)
	}
	if r.count != 0 || r.bytes != 0 || len(r.blocks) != 0 || len(r.slots) != 0 {
		t.Errorf("%+v", r)
	}
	if s, _ := r.take(13); s.kind != slotEmpty {
		t.Error("took one that is not there")
	}
}

func TestSelectiveAckMask(t *testing.T) {
	r := reorder{maxBlocks: 10, account: new(account)}
	for _, seq := range []uint16{2, 4, 33, 40} { // 65535+1 = 0 is missing
		r.put(65535, seq, slotData, []byte("x"))
	}
	mask := r.mask(nil, 65535, wire.MaxSelectiveAck)
	var got []uint16
	for off := range wire.Acked(mask) {
		got = append(got, 65535+off)
	}
	if want := []uint16{2, 4, 33, 40}; !slices.Equal(got, want) || len(mask) != 8 {
		t.Errorf("%v in %d bytes", got, len(mask))
	}
	if mask := r.mask(nil, 65535, 4); len(mask) != 4 {
		t.Errorf("%d bytes of 4", len(mask))
	}
}
