package selection_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/selection"
)

func folder(t *testing.T, paths ...string) content.Object {
	t.Helper()
	var files []content.File
	for _, p := range paths {
		files = append(files, content.File{Path: content.MakePath(strings.Split(p, "/")...), Size: 1})
	}
	obj, err := content.NewObject(content.MakePath("photos"), true, files)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func TestMark(t *testing.T) {
	obj := folder(t, "a.jpg", "b.txt", "sub/c.jpg", "sub/deep/d.jpg", "x(1).jpg")
	for _, c := range []struct {
		patterns []string
		want     []int // nil is all
	}{
		{nil, nil},
		{[]string{"*.jpg"}, []int{0, 4}},
		{[]string{"**/*.jpg"}, []int{0, 2, 3, 4}},
		{[]string{"sub"}, []int{2, 3}},
		{[]string{"/sub/"}, []int{2, 3}},
		{[]string{"sub/*"}, []int{2, 3}}, // deep is a folder that matches
		{[]string{"sub/*.jpg"}, []int{2}},
		{[]string{"?.txt", "x(1).jpg"}, []int{1, 4}},
		{[]string{"**"}, []int{0, 1, 2, 3, 4}},
		{selection.ByIndex(link.Selection{{First: 1, Last: 2}, {First: 4, Last: 4}}), []int{1, 2, 4}},
	} {
		got, err := selection.Mark(c.patterns, obj)
		if err != nil {
			t.Errorf("%q: %v", c.patterns, err)
			continue
		}
		var marked []int
		for i, yes := range got {
			if yes {
				marked = append(marked, i)
			}
		}
		if !slices.Equal(marked, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%q: %v, want %v", c.patterns, marked, c.want)
		}
	}
}

func TestMarkRefuses(t *testing.T) {
	obj := folder(t, "a", "b")
	for _, patterns := range [][]string{
		{"c"}, {"*.jpg"}, {"a/b"}, selection.ByIndex(link.Selection{{First: 2, Last: 9}}), {"\xff"},
	} {
		var e *fault.Error
		if _, err := selection.Mark(patterns, obj); !errors.As(err, &e) || e.Exit != fault.ExitUsage || e.Hint == "" {
			t.Errorf("%q: %v", patterns, err)
		}
	}
	if selection.Check([]string{"a*", "**/b?"}) != nil || selection.Check([]string{"\xff"}) == nil {
		t.Error("patterns are checked before there is an object")
	}
}
