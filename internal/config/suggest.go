package config

import "strings"

// nearest is the key a mistyped name is most likely meant to be, or nothing.
func nearest(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	if len(name) > 40 {
		return ""
	}
	// Two slips, but no more than a third of the name: otherwise everything short is near.
	best, at := min(2, len(name)/3)+1, ""
	for _, k := range keys {
		d := distance(name, k.name)
		if _, own, ok := strings.Cut(k.name, "."); ok {
			d = min(d, distance(name, own)) // the table is left out
		}
		if d < best {
			best, at = d, k.name
		}
	}
	// A setting of another table.
	if i := strings.LastIndexByte(name, '.'); at == "" && i >= 0 {
		return nearest(name[i+1:])
	}
	return at
}

// distance is the number of bytes to insert, delete, replace or swap with the next to make b of a.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			d := min(last[j+1], row[j]) + 1
			if a[i] == b[j] {
				d = min(d, last[j])
			} else {
				d = min(d, last[j]+1)
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
		}
	}
	return row[len(b)]
}
