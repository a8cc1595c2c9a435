package main

import (
	"testing"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// TestObjectLineCounts: trackers know more or less the same peers, so their numbers are not added up.
func TestObjectLineCounts(t *testing.T) {
	two, five := 2, 5
	l := objectOf(v1.Object{Trackers: []v1.Tracker{{Seeders: &two}, {}, {Seeders: &five}, {Seeders: &two}}})
	if l.Seeders == nil || *l.Seeders != 5 || l.Leechers != nil {
		t.Errorf("%v seeders, %v leechers", l.Seeders, l.Leechers)
	}
}
