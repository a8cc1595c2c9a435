package link

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Range is a run of file indices, both ends included. Files count from zero in the order of the torrent.
type Range struct{ First, Last int }

// Selection is a set of files, as ranges that are sorted and do not touch. It is never expanded: a short link may well
// select two thousand million files.
type Selection []Range

// maxFile is the largest index that is kept; no torrent has so many files.
const maxFile = math.MaxInt32 - 1

// Has reports whether the file at index is selected. A selection of nothing selects everything, like a link without one.
func (s Selection) Has(index int) bool {
	if len(s) == 0 {
		return true
	}
	i, _ := slices.BinarySearchFunc(s, index, func(r Range, index int) int { return cmp.Compare(r.Last, index) })
	return i < len(s) && s[i].First <= index
}

// String is the selection as BEP 53 writes it: "0,2,4-6".
func (s Selection) String() string {
	var b []byte
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(r.First), 10)
		if r.Last > r.First {
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(r.Last), 10)
		}
	}
	return string(b)
}

// parseSelection parses what String prints and leaves out what makes no sense. BEP 53: "Dashes mean inclusive ranges".
func parseSelection(text string) Selection {
	var s Selection
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		r := Range{parseIndex(first), parseIndex(last)}
		if r.First < 0 || r.First > maxFile || r.Last < r.First {
			continue
		}
		r.Last = min(r.Last, maxFile)
		if s = append(s, r); len(s) == MaxRanges {
			break
		}
	}
	return s.normal()
}

// parseIndex returns -1 if text is no number. A number too large for any torrent stays too large.
func parseIndex(text string) int {
	n, err := strconv.ParseUint(text, 10, 31)
	switch {
	case err == nil:
		return int(n)
	case n > 0: // out of range
		return math.MaxInt32
	default:
		return -1
	}
}

// normal returns the same set with its ranges sorted and joined. It reuses the memory of s.
func (s Selection) normal() Selection {
	slices.SortFunc(s, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	joined := s[:0]
	for _, r := range s {
		if n := len(joined); n > 0 && r.First <= joined[n-1].Last+1 {
			joined[n-1].Last = max(joined[n-1].Last, r.Last)
		} else {
			joined = append(joined, r)
		}
	}
	return joined
}
