package bittorrent

import "testing"

func TestWithdrawn(t *testing.T) {
	var w withdrawn
	if w.answered(blk(1, 1)) {
		t.Error("nothing was taken back")
	}
	w.add(blk(1, 1))
	w.add(blk(1, 1))
	w.add(blk(2, 2))
	for i, want := range []bool{true, true, false} {
		if w.answered(blk(1, 1)) != want {
			t.Errorf("answer %d", i)
		}
	}
	if !w.answered(blk(2, 2)) || w.blocks != nil {
		t.Error("memory is kept though nothing is open")
	}
	for i := range 3 * maxWithdrawn {
		w.add(blk(i, 0))
		if len(w.blocks) > maxWithdrawn {
			t.Fatalf("%d kept", len(w.blocks))
		}
	}
}
