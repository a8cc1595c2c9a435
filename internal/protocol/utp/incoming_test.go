package utp

import (
	"testing"
)

func TestIncoming(t *testing.T) {
	in := newIncoming(99, 1000, nil)
	for _, s := range []struct {
		seq     uint16
		payload string
		fin     bool
		want    arrival
	}{
		{100, "a", false, arrivedInOrder},
		{100, "a", false, arrivedAgain},
		{102, "c", false, arrivedAhead},
		{102, "c", false, arrivedAgain},
		{104, "e", true, arrivedAhead}, // the end, with payload as old libtorrents do
		{105, "f", false, arrivedRefused},
		{105, "", true, arrivedRefused}, // another end
		{104, "e", false, arrivedAgain},
		{103, "d", true, arrivedRefused}, // an earlier end
		{103, string(make([]byte, 2000)), false, arrivedRefused},
		{103, "d", false, arrivedAhead},
		{101, "b", false, arrivedInOrder},
		{104, "e", true, arrivedAgain},
		{90, "", false, arrivedAgain},
	} {
		if got := in.accept(s.seq, []byte(s.payload), s.fin); got != s.want {
			t.Errorf("%d: %v, want %v", s.seq, got, s.want)
		}
	}
	b := make([]byte, 10)
	if n := in.data.read(b); string(b[:n]) != "abcde" || !in.ended() || in.ack != 104 {
		t.Errorf("%q, up to %d", b[:n], in.ack)
	}
}

// The window may be full of what came too early: the packet before that is taken all the same.
func TestIncomingTakesTheMissingOne(t *testing.T) {
	in := newIncoming(0, 100, nil)
	in.accept(2, make([]byte, 100), false)
	if in.window() != 0 || in.accept(3, []byte("x"), false) != arrivedRefused {
		t.Error("takes more than its window")
	}
	if in.accept(1, make([]byte, 50), false) != arrivedInOrder || in.ack != 2 {
		t.Error("stuck")
	}
	if in.accept(3, []byte("x"), false) != arrivedRefused || in.window() != 0 {
		t.Error("takes more than its window")
	}
}
