package content

import (
	"math"
	"testing"
)

func TestNewObject(t *testing.T) {
	name, a, b := MakePath("name"), MakePath("a"), MakePath("d", "b")
	for _, c := range []struct {
		what  string
		name  Path
		dir   bool
		files []File
		size  int64
		ok    bool
	}{
		{"lone file", name, false, []File{{name, 7}}, 7, true},
		{"folder", name, true, []File{{a, 7}, {b, 0}, {a, 5}}, 12, true},
		{"empty folder", name, true, nil, 0, true},
		{"largest", name, false, []File{{name, MaxObjectSize}}, MaxObjectSize, true},
		{"no name", Path{}, true, nil, 0, false},
		{"name of two parts", b, true, nil, 0, false},
		{"lone file of other name", name, false, []File{{a, 7}}, 0, false},
		{"two lone files", name, false, []File{{name, 7}, {name, 7}}, 0, false},
		{"no lone file", name, false, nil, 0, false},
		{"no path", name, true, []File{{Path{}, 7}}, 0, false},
		{"negative", name, true, []File{{a, -1}}, 0, false},
		{"too large", name, true, []File{{a, MaxObjectSize}, {b, 1}}, 0, false},
		{"overflow", name, true, []File{{a, math.MaxInt64}, {b, math.MaxInt64}}, 0, false},
	} {
		o, err := NewObject(c.name, c.dir, c.files)
		if (err == nil) != c.ok {
			t.Errorf("%s: error is %v", c.what, err)
		}
		if c.ok && (o.Size() != c.size || o.Name() != c.name || o.IsDir() != c.dir || len(o.Files()) != len(c.files)) {
			t.Errorf("%s: object is %v", c.what, o)
		}
	}
}

func TestExtent(t *testing.T) {
	name := MakePath("n")
	o, err := NewObject(name, false, []File{{name, 10}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		e  Extent
		in bool
	}{
		{Extent{0, 0, 10}, true},
		{Extent{0, 10, 0}, true},
		{Extent{0, 3, 7}, true},
		{Extent{0, 3, 8}, false},
		{Extent{0, 11, 0}, false},
		{Extent{0, -1, 5}, false},
		{Extent{0, 1, -1}, false},
		{Extent{1, 0, 1}, false},
		{Extent{-1, 0, 1}, false},
		{Extent{0, 5, math.MaxInt64}, false},
	} {
		if got := c.e.In(o); got != c.in {
			t.Errorf("%v in object is %v", c.e, got)
		}
	}
	if e := (Extent{1, 2, 3}); e.End() != 5 || e.String() != "1:2+3" {
		t.Errorf("%v ends at %d", e, e.End())
	}
}
