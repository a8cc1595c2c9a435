package content

import (
	"encoding/binary"
	"errors"
	"iter"
	"slices"
)

// Range is a run of bytes of one file, from From up to but not including To.
type Range struct{ From, To int64 }

// Ranges is a set of byte positions of one file, kept as the fewest runs in rising order. The zero value is empty.
type Ranges struct{ runs []Range }

// Add puts the bytes from..to-1 into the set.
func (r *Ranges) Add(from, to int64) {
	if from >= to {
		return
	}
	// i: first run that touches or follows the new one; j: first run wholly behind it.
	i, _ := slices.BinarySearchFunc(r.runs, from, func(x Range, v int64) int {
		if x.To < v {
			return -1
		}
		return 1
	})
	j := i
	for j < len(r.runs) && r.runs[j].From <= to {
		j++
	}
	if i < j {
		from, to = min(from, r.runs[i].From), max(to, r.runs[j-1].To)
	}
	r.runs = slices.Replace(r.runs, i, j, Range{from, to})
}

// Remove takes the bytes from..to-1 out of the set.
func (r *Ranges) Remove(from, to int64) {
	if from >= to {
		return
	}
	var kept []Range
	for _, x := range r.runs {
		if x.To <= from || x.From >= to {
			kept = append(kept, x)
			continue
		}
		if x.From < from {
			kept = append(kept, Range{x.From, from})
		}
		if x.To > to {
			kept = append(kept, Range{to, x.To})
		}
	}
	r.runs = kept
}

// AddAll puts every byte of other into the set.
func (r *Ranges) AddAll(other Ranges) {
	for _, x := range other.runs {
		r.Add(x.From, x.To)
	}
}

// Contains reports whether all bytes from..to-1 are in the set. An empty run always is.
func (r Ranges) Contains(from, to int64) bool {
	if from >= to {
		return true
	}
	i, _ := slices.BinarySearchFunc(r.runs, from, func(x Range, v int64) int {
		if x.To <= v {
			return -1
		}
		return 1
	})
	return i < len(r.runs) && r.runs[i].From <= from && to <= r.runs[i].To
}

// Total is the number of bytes in the set.
func (r Ranges) Total() (n int64) {
	for _, x := range r.runs {
		n += x.To - x.From
	}
	return n
}

// IsEmpty reports whether the set holds no byte.
func (r Ranges) IsEmpty() bool { return len(r.runs) == 0 }

// All yields the runs in rising order.
func (r Ranges) All() iter.Seq[Range] { return slices.Values(r.runs) }

// Clone copies the set.
func (r Ranges) Clone() Ranges { return Ranges{slices.Clone(r.runs)} }

// ErrRanges is returned by ParseRanges for bytes that Append never writes.
var ErrRanges = errors.New("content: malformed ranges")

// Append writes the set as varints: the number of runs, then for each the gap since the last run and its length.
func (r Ranges) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(r.runs)))
	var at int64
	for _, x := range r.runs {
		b = binary.AppendUvarint(b, uint64(x.From-at))
		b = binary.AppendUvarint(b, uint64(x.To-x.From))
		at = x.To
	}
	return b
}

// ParseRanges reads a set that Append wrote, and returns what follows it.
func ParseRanges(b []byte) (Ranges, []byte, error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)) {
		return Ranges{}, nil, ErrRanges
	}
	b = b[k:]
	var r Ranges
	var at int64
	for range n {
		gap, k := binary.Uvarint(b)
		if k <= 0 {
			return Ranges{}, nil, ErrRanges
		}
		b = b[k:]
		length, k := binary.Uvarint(b)
		if k <= 0 {
			return Ranges{}, nil, ErrRanges
		}
		b = b[k:]
		if gap > uint64(MaxObjectSize) || length == 0 || length > uint64(MaxObjectSize) ||
			at+int64(gap)+int64(length) > MaxObjectSize || (gap == 0 && len(r.runs) > 0) {
			return Ranges{}, nil, ErrRanges
		}
		from := at + int64(gap)
		at = from + int64(length)
		r.runs = append(r.runs, Range{from, at})
	}
	return r, b, nil
}
