package catalog

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

// TestFilesOf reads the files of many at once, and leaves to Files what has many of them or is wrong.
func TestFilesOf(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	want := map[string][]FileRow{}
	var ids []string
	for _, n := range []int{1, 3, fewFiles, fewFiles + 1, 0, 2} {
		id := mustAdd(t, c, least())
		files := manyFiles(n)
		if err := c.SetFiles(ctx, id, files); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		if n > 0 && n <= fewFiles {
			want[id] = files
		}
	}
	read := func(ids []string) map[string][]FileRow {
		t.Helper()
		got, err := c.FilesOf(ctx, ids)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(append(slices.Clone(ids), "00000000")); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if got := read(ids[:1]); !reflect.DeepEqual(got, map[string][]FileRow{ids[0]: want[ids[0]]}) {
		t.Errorf("of one: got %v", got)
	}
	if got := read(nil); len(got) != 0 {
		t.Errorf("of none: got %v", got)
	}
	for at, spoil := range map[int]string{
		1: "DELETE FROM files WHERE file = 1 AND object = (SELECT n FROM objects WHERE id = ?)",
		2: "UPDATE files SET finished = 7 WHERE object = (SELECT n FROM objects WHERE id = ?)",
		5: "UPDATE files SET path = '../x' WHERE object = (SELECT n FROM objects WHERE id = ?)",
	} {
		if _, err := c.writer.Exec(spoil, ids[at]); err != nil {
			t.Fatal(err)
		}
		delete(want, ids[at])
	}
	if got := read(ids); !maps.EqualFunc(got, want, slices.Equal[[]FileRow]) {
		t.Errorf("spoilt: got %v", got)
	}
	if _, err := c.FilesOf(ctx, make([]string, MaxTogether+1)); err == nil {
		t.Error("took too many")
	}
}
