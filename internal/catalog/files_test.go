package catalog

import (
	"errors"
	"maps"
	"reflect"
	"strconv"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
)

func manyFiles(n int) []FileRow {
	files := make([]FileRow, n)
	for i := range files {
		files[i] = FileRow{Path: "dir/" + strconv.Itoa(i), Size: int64(i), Priority: Normal}
	}
	return files
}

func TestFilesRoundTrip(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	id := mustAdd(t, c, least())
	if got, err := c.Files(ctx, id); err != nil || got != nil {
		t.Errorf("before: %v, %v", got, err)
	}
	files := manyFiles(3*batchRows + 1)
	files[7] = FileRow{Path: "a b/\xff", Size: 1 << 50, Priority: High, Finished: true,
		Identity: Identity{Name: "A b/\xfe", Size: 1 << 50, ModTime: -1, Inode: 1<<64 - 1, Device: 1 << 63, Changed: 1 << 62}}
	if err := c.SetFiles(ctx, id, files); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Files(ctx, id); err != nil || !reflect.DeepEqual(got, files) {
		t.Errorf("got %v, %v", got, err)
	}
	err := errors.Join(
		c.SetIdentity(ctx, id, map[int]Identity{0: files[7].Identity, batchRows: {Size: 3}}),
		c.SetPriority(ctx, id, map[int]Priority{1: Skip, 2: Low}),
		c.SetFinished(ctx, id, map[int]Identity{7: {}, 8: {Size: 4}}))
	if err != nil {
		t.Fatal(err)
	}
	files[0].Identity, files[batchRows].Identity = files[7].Identity, Identity{Size: 3}
	files[1].Priority, files[2].Priority = Skip, Low
	files[7].Finished, files[8].Finished = false, true
	files[7].Identity, files[8].Identity = Identity{}, Identity{Size: 4}
	if got, err := c.Files(ctx, id); err != nil || !reflect.DeepEqual(got, files) {
		t.Errorf("changed: got %v, %v", got, err)
	}
	if err := c.SetIdentity(ctx, id, map[int]Identity{len(files): {}}); err == nil {
		t.Error("took an identity of a file that is not there")
	}
	if err := c.SetIdentity(ctx, id, map[int]Identity{0: {Name: "/etc"}}); err == nil {
		t.Error("took a name that leads out of the folder")
	}
	if err := c.SetFinished(ctx, id, map[int]Identity{0: {Name: "../etc"}}); err == nil {
		t.Error("took a name that leads out of the folder")
	}
	if err := c.SetPriority(ctx, id, map[int]Priority{0: High + 1}); err == nil {
		t.Error("took an unknown priority")
	}
	if err := c.SetFiles(ctx, id, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Files(ctx, id); err != nil || got != nil {
		t.Errorf("emptied: %v, %v", got, err)
	}
}

func TestSetFilesRefuses(t *testing.T) {
	c := newCatalog(t)
	id := mustAdd(t, c, least())
	cases := map[string][]FileRow{
		"no path":       {{}},
		"absolute":      {{Path: "/etc/passwd"}},
		"up":            {{Path: "a/../../b"}},
		"here":          {{Path: "./a"}},
		"empty part":    {{Path: "a//b"}},
		"NUL":           {{Path: "a\x00"}},
		"negative size": {{Path: "a", Size: -1}},
		"sum too large": {{Path: "a", Size: content.MaxObjectSize}, {Path: "b", Size: 1}},
		"name on disk":  {{Path: "a", Identity: Identity{Name: "../a"}}},
		"priority":      {{Path: "a", Priority: 9}},
	}
	for name, files := range cases {
		var e *InvalidError
		if err := c.SetFiles(t.Context(), id, files); !errors.As(err, &e) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSpoiledFiles(t *testing.T) {
	for _, spoil := range []string{
		"DELETE FROM files WHERE file = 0", "DELETE FROM files WHERE file = 2", "UPDATE files SET path = '../x' WHERE file = 1",
		"UPDATE files SET size = -5", "UPDATE files SET priority = 1000", "UPDATE files SET finished = 7",
	} {
		c := newCatalog(t)
		id := mustAdd(t, c, least())
		if err := c.SetFiles(t.Context(), id, manyFiles(3)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.writer.Exec(spoil); err != nil {
			t.Fatal(err)
		}
		var e *RecordError
		if got, err := c.Files(t.Context(), id); !errors.As(err, &e) || e.ID != id {
			t.Errorf("%s: %v, %v", spoil, got, err)
		}
	}
}

func TestSetFilesForgetsVerified(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	id := mustAdd(t, c, least())
	err := errors.Join(c.SetFiles(ctx, id, manyFiles(10)), c.AddVerified(ctx, id, map[int]content.Ranges{5: ranges(0, 5)}),
		c.SetFiles(ctx, id, manyFiles(3)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Verified(ctx, id)
	if err != nil || !reflect.DeepEqual(got, make([]content.Ranges, 3)) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAddWholeIsOneTransaction(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	bad := Contents{Files: manyFiles(3), Verified: make([]content.Ranges, 2)}
	if _, err := c.AddWhole(ctx, least(), bad); err == nil {
		t.Fatal("took ranges of fewer files than there are")
	}
	if rs, err := c.List(ctx); err != nil || len(rs) != 0 {
		t.Errorf("half of it is there: %v, %v", rs, err)
	}
	good := Contents{Files: manyFiles(3), Verified: []content.Ranges{{}, ranges(0, 1), ranges(0, 1)}}
	id, err := c.AddWhole(ctx, least(), good)
	if err != nil {
		t.Fatal(err)
	}
	files, err1 := c.Files(ctx, id)
	verified, err2 := c.Verified(ctx, id)
	if err := errors.Join(err1, err2); err != nil || !reflect.DeepEqual(files, good.Files) || !reflect.DeepEqual(verified, good.Verified) {
		t.Errorf("got %v, %v, %v", files, verified, err)
	}
}

func BenchmarkSetFiles10000(b *testing.B) {
	c := newCatalog(b)
	id := mustAdd(b, c, least())
	files := manyFiles(10_000)
	for b.Loop() {
		if err := c.SetFiles(b.Context(), id, files); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetIdentity10000(b *testing.B) {
	c := newCatalog(b)
	id := mustAdd(b, c, least())
	if err := c.SetFiles(b.Context(), id, manyFiles(10_000)); err != nil {
		b.Fatal(err)
	}
	ids := maps.Collect(func(yield func(int, Identity) bool) {
		for i := range 10_000 {
			if !yield(i, Identity{Size: int64(i)}) {
				return
			}
		}
	})
	for b.Loop() {
		if err := c.SetIdentity(b.Context(), id, ids); err != nil {
			b.Fatal(err)
		}
	}
}
