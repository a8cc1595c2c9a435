package pex

import (
	"iter"
	"math/bits"
)

// set is a set of slots, a bit for each. The zero value is empty.
type set []uint64

func (s set) has(i int) bool { return i/64 < len(s) && s[i/64]>>(i%64)&1 != 0 }

// put takes i in or out.
func (s *set) put(i int, in bool) {
	if !in {
		if i/64 < len(*s) {
			(*s)[i/64] &^= 1 << (i % 64)
		}
		return
	}
	for i/64 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

// without is a new set of what is in s and not in t.
func (s set) without(t set) set {
	d := append(set(nil), s...)
	for i := range min(len(d), len(t)) {
		d[i] &^= t[i]
	}
	return d
}

func (s set) empty() bool { return s.count() == 0 }

func (s set) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// all visits the members from start on, and then those before it. Whoever was visited may be taken out.
func (s set) all(start int) iter.Seq[int] {
	return func(yield func(int) bool) {
		size := len(s) * 64
		for n := range size {
			if i := (start + n) % size; s.has(i) && !yield(i) {
				return
			}
		}
	}
}
