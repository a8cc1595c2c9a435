package lines

import (
	"testing"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// TestObjectLineCounts: trackers know more or less the same peers, so their numbers are not added up.
func TestObjectLineCounts(t *testing.T) {
	two, five := 2, 5
	l := ObjectOf(v1.Object{Trackers: []v1.Tracker{{Seeders: &two}, {}, {Seeders: &five}, {Seeders: &two}}})
	if l.Seeders == nil || *l.Seeders != 5 || l.Leechers != nil {
		t.Errorf("%v seeders, %v leechers", l.Seeders, l.Leechers)
	}
}

// TestObjectLineSaysWhy: an object that is not well says why, and what to do, as an error line does.
func TestObjectLineSaysWhy(t *testing.T) {
	l := ObjectOf(v1.Object{State: "missing", Error: &v1.Trouble{Code: "missing", Message: "it is gone", Hint: "put it back", Exit: 7}})
	if l.Code != "missing" || l.Message != "it is gone" || l.Hint != "put it back" {
		t.Errorf("%+v", l)
	}
	if l := ObjectOf(v1.Object{State: "seeding"}); l.Code != "" || l.Message != "" || l.Hint != "" {
		t.Errorf("%+v", l)
	}
}
