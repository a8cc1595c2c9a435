package content

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestBitmap(t *testing.T) {
	m := NewBitmap(11)
	for _, i := range []int{0, 9, 10, 0, -1, 11} {
		m.Set(i)
	}
	if m.Count() != 3 || m.Len() != 11 || m.Full() {
		t.Errorf("count is %d of %d", m.Count(), m.Len())
	}
	if !bytes.Equal(m.Bytes(), []byte{0x80, 0x60}) {
		t.Errorf("bytes are %x", m.Bytes())
	}
	if got := slices.Collect(m.All()); !slices.Equal(got, []int{0, 9, 10}) {
		t.Errorf("units are %v", got)
	}
	for range m.All() {
		break
	}
	if m.Has(-1) || m.Has(11) || m.Has(1) || !m.Has(9) {
		t.Error("Has is wrong")
	}
	c := m.Clone()
	if !c.Clear(9) || c.Clear(9) || c.Clear(99) || c.Count() != 2 || !m.Has(9) {
		t.Error("a clone is not apart from what it was made of")
	}
	c.SetAll()
	if !c.Full() || !bytes.Equal(c.Bytes(), []byte{0xff, 0xe0}) {
		t.Errorf("all is %x", c.Bytes())
	}
	none := NewBitmap(0)
	none.SetAll()
	if !none.Full() || none.Len() != 0 {
		t.Error("the bitmap of nothing is not full")
	}
}

func TestParseBitmap(t *testing.T) {
	for _, c := range []struct {
		b  []byte
		n  int
		ok bool
	}{
		{[]byte{0x80, 0x60}, 11, true},
		{[]byte{0xff}, 8, true},
		{nil, 0, true},
		{[]byte{0x80, 0x10}, 11, false},
		{[]byte{0x80}, 11, false},
		{[]byte{0x80, 0, 0}, 11, false},
		{[]byte{0}, 0, false},
	} {
		m, err := ParseBitmap(c.b, c.n)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrBitmap) {
			t.Errorf("ParseBitmap(%x, %d): %v", c.b, c.n, err)
		}
		if c.ok && (!bytes.Equal(m.Bytes(), c.b) || m.Count() != len(slices.Collect(m.All()))) {
			t.Errorf("ParseBitmap(%x, %d) is %x", c.b, c.n, m.Bytes())
		}
	}
}

func FuzzParseBitmap(f *testing.F) {
	f.Add([]byte{0x80, 0x60}, 11)
	f.Add([]byte{0xff}, 7)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		m, err := ParseBitmap(b, n)
		if err != nil {
			return
		}
		again := NewBitmap(n)
		for i := range m.All() {
			again.Set(i)
		}
		if !bytes.Equal(again.Bytes(), b) || again.Count() != m.Count() {
			t.Fatalf("%x of %d becomes %x", b, n, again.Bytes())
		}
	})
}
