package content

import (
	"errors"
	"iter"
	"math/bits"
)

// Bitmap is a set of unit indices below a fixed length. Its bytes are those of a BEP 3 bitfield: the high bit of the
// first byte is unit 0, and spare bits at the end are zero.
type Bitmap struct {
	b     []byte
	n     int
	count int
}

// NewBitmap makes an empty set of units 0 to n-1.
func NewBitmap(n int) Bitmap { return Bitmap{b: make([]byte, (n+7)/8), n: n} }

// ErrBitmap is returned by ParseBitmap for a bitfield of the wrong length or with spare bits set.
var ErrBitmap = errors.New("content: bitfield of wrong length or with spare bits set")

// ParseBitmap copies a BEP 3 bitfield for n units.
func ParseBitmap(b []byte, n int) (Bitmap, error) {
	if len(b) != (n+7)/8 {
		return Bitmap{}, ErrBitmap
	}
	if n%8 != 0 && b[len(b)-1]&(0xff>>(n%8)) != 0 {
		return Bitmap{}, ErrBitmap
	}
	m := Bitmap{b: append([]byte(nil), b...), n: n}
	for _, x := range m.b {
		m.count += bits.OnesCount8(x)
	}
	return m, nil
}

// Len is the number of units the bitmap speaks of.
func (m *Bitmap) Len() int { return m.n }

// Count is the number of units in the set.
func (m *Bitmap) Count() int { return m.count }

// Full reports whether every unit is in the set.
func (m *Bitmap) Full() bool { return m.count == m.n }

// Bytes are the bytes of the BEP 3 bitfield. They must not be changed.
func (m *Bitmap) Bytes() []byte { return m.b }

// Has reports whether unit i is in the set; a unit out of bounds is not.
func (m *Bitmap) Has(i int) bool {
	return i >= 0 && i < m.n && m.b[i>>3]&(0x80>>(i&7)) != 0
}

// Set adds unit i and reports whether it was new. A unit out of bounds is ignored.
func (m *Bitmap) Set(i int) bool {
	if i < 0 || i >= m.n || m.Has(i) {
		return false
	}
	m.b[i>>3] |= 0x80 >> (i & 7)
	m.count++
	return true
}

// Clear removes unit i and reports whether it was there.
func (m *Bitmap) Clear(i int) bool {
	if !m.Has(i) {
		return false
	}
	m.b[i>>3] &^= 0x80 >> (i & 7)
	m.count--
	return true
}

// SetAll adds every unit.
func (m *Bitmap) SetAll() {
	for i := range m.b {
		m.b[i] = 0xff
	}
	if m.n%8 != 0 {
		m.b[len(m.b)-1] = ^byte(0xff >> (m.n % 8))
	}
	m.count = m.n
}

// Clone copies the bitmap.
func (m *Bitmap) Clone() Bitmap {
	return Bitmap{b: append([]byte(nil), m.b...), n: m.n, count: m.count}
}

// All yields the units of the set in rising order.
func (m *Bitmap) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, x := range m.b {
			for x != 0 {
				k := bits.LeadingZeros8(x)
				if !yield(i*8 + k) {
					return
				}
				x &^= 0x80 >> k
			}
		}
	}
}
