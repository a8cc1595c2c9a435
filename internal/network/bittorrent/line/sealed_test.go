package line

import (
	"bytes"
	"errors"
	"testing"
)

// Records are written in the order in which they are made, whoever makes them, and the buffer is given back; without one there
// is less room.
func TestSealedOrder(t *testing.T) {
	for _, c := range []struct{ buffers, records int }{{1, largePlain / maxRecord}, {0, 1}} {
		from := NewBuffers(c.buffers)
		var s sealed
		record := func(k byte, n int) []byte { return bytes.Repeat([]byte{k}, n) }
		var want []byte
		add := func(k byte, n int) {
			t.Helper()
			if _, err := s.add(record(k, n)); err != nil {
				t.Fatal(err)
			}
			want = append(want, record(k, n)...)
		}
		add(1, 30) // nobody writes
		if room := s.begin(from); room != c.records*maxRecord {
			t.Errorf("room for %d bytes", room)
		}
		for k := range c.records {
			add(byte(k+2), maxSealed)
			add(byte(k+2), 30) // somebody else's
		}
		vector := s.end()
		if _, err := s.add(record(40, 30)); err != nil { // while the others are written
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := vector.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes of %d, or not in order, %v", got.Len(), len(want), err)
		}
		s.release(from)
		if n := from.Leased(); n != 0 {
			t.Errorf("%d buffers are not given back", n)
		}
		s.begin(from)
		if v := s.end(); len(v) != 1 || !bytes.Equal(v[0], record(40, 30)) {
			t.Errorf("%v", v)
		}
		s.release(from)

		var err error
		n := 0
		for ; err == nil && n < 1000; n++ {
			_, err = s.add(record(1, 30))
		}
		if !errors.Is(err, errAside) || n*30 > maxAside+60 {
			t.Errorf("%d records are kept aside, %v", n, err)
		}
	}
}
