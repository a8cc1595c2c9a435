package catalog

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
)

// ranges is the set of the runs from, to, from, to...
func ranges(runs ...int64) (r content.Ranges) {
	for i := 0; i < len(runs); i += 2 {
		r.Add(runs[i], runs[i+1])
	}
	return r
}

func countVerifiedRows(t testing.TB, c *Catalog) (n int) {
	t.Helper()
	if err := c.reader.QueryRow("SELECT count(*) FROM verified").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What comes back is the union of what was added, however often the rows were written again as one.
func TestVerifiedIsUnion(t *testing.T) {
	path := t.TempDir() + "/c.db"
	c := mustOpen(t, path)
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(1, 2))
	const count, size = 40, 1000
	files := manyFiles(count)
	for i := range files {
		files[i].Size = size
	}
	id, other := mustAdd(t, c, least()), mustAdd(t, c, least())
	if err := errors.Join(c.SetFiles(ctx, id, files), c.SetFiles(ctx, other, files)); err != nil {
		t.Fatal(err)
	}
	want := make([]content.Ranges, count)
	most := 0
	for range 3 * compactRows {
		added := make(map[int]content.Ranges)
		for range rng.IntN(4) {
			from := rng.Int64N(size)
			i, to := rng.IntN(count), min(size, from+1+rng.Int64N(20))
			r := added[i]
			r.Add(from, to)
			added[i] = r
			want[i].Add(from, to)
		}
		if err := c.AddVerified(ctx, id, added); err != nil {
			t.Fatal(err)
		}
		most = max(most, countVerifiedRows(t, c))
	}
	if most > compactRows {
		t.Errorf("%d rows were kept", most)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = mustOpen(t, path)
	if got, err := c.Verified(ctx, id); err != nil || !equalRanges(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
	if got, err := c.Verified(ctx, other); err != nil || !equalRanges(got, make([]content.Ranges, count)) {
		t.Errorf("another object has %v, %v", got, err)
	}
	want[3] = content.Ranges{}
	if err := c.ReplaceVerified(ctx, id, want); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Verified(ctx, id); err != nil || !equalRanges(got, want) {
		t.Errorf("replaced: got %v, %v", got, err)
	}
	if err := c.ReplaceVerified(ctx, id, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Verified(ctx, id); err != nil || !equalRanges(got, make([]content.Ranges, count)) {
		t.Errorf("forgotten: got %v, %v", got, err)
	}
}

func equalRanges(a, b []content.Ranges) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].Append(nil), b[i].Append(nil)) {
			return false
		}
	}
	return true
}

func TestLargeVerifiedIsCompacted(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	id := mustAdd(t, c, least())
	if err := c.SetFiles(ctx, id, []FileRow{{Path: "a", Size: 1 << 40}}); err != nil {
		t.Fatal(err)
	}
	var big content.Ranges
	for i := range int64(30_000) {
		big.Add(i*1000, i*1000+1)
	}
	for range 10 {
		if err := c.AddVerified(ctx, id, map[int]content.Ranges{0: big}); err != nil {
			t.Fatal(err)
		}
	}
	if n := countVerifiedRows(t, c); n > 3 {
		t.Errorf("%d rows of the same ranges", n)
	}
}

func TestVerifiedRefuses(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	id := mustAdd(t, c, least())
	if err := c.SetFiles(ctx, id, []FileRow{{Path: "a", Size: 10}, {Path: "b", Size: 10}}); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{-1, 2} {
		if err := c.AddVerified(ctx, id, map[int]content.Ranges{i: ranges(0, 1)}); err == nil {
			t.Errorf("took ranges of file %d", i)
		}
	}
	if err := c.ReplaceVerified(ctx, id, make([]content.Ranges, 3)); err == nil {
		t.Error("took ranges of 3 files for 2")
	}
	if err := c.AddVerified(ctx, "00000000", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such object: %v", err)
	}
	var e *RecordError
	for name, row := range map[string][]byte{
		"no ranges": {0}, "third file": {2, 1, 0, 1}, "garbage": {0xff, 0xff}, "behind the end": {0, 1, 5, 6}, "cut off": {0, 1, 5},
	} {
		if _, err := c.writer.Exec("DELETE FROM verified; INSERT INTO verified (object, ranges) SELECT n, ? FROM objects", row); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Verified(ctx, id); !errors.As(err, &e) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if err := c.ReplaceVerified(ctx, id, nil); err != nil {
		t.Errorf("cannot start over: %v", err)
	}
	if _, err := c.Verified(ctx, id); err != nil {
		t.Error(err)
	}
}

func FuzzMergeVerified(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 5, 6})
	f.Add(append([]byte{2}, func() []byte { r := ranges(0, 5, 9, 1<<40); return r.Append(nil) }()...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, row []byte) {
		all := make([]content.Ranges, 5)
		if mergeVerified(all, row) != nil {
			return
		}
		again := make([]content.Ranges, 5)
		if err := mergeVerified(again, row); err != nil || !reflect.DeepEqual(again, all) {
			t.Fatalf("second reading: %v, %v", again, err)
		}
		if err := mergeVerified(again, row); err != nil || !equalRanges(again, all) {
			t.Fatalf("the union with itself is %v, %v", again, err)
		}
	})
}

// The bound that matters: all files of a batch become durable at once, and the transfer must not notice.
func BenchmarkAddVerified10000(b *testing.B) {
	c := newCatalog(b)
	id := mustAdd(b, c, least())
	files := manyFiles(10_000)
	added := make(map[int]content.Ranges)
	for i := range files {
		files[i].Size = 1 << 20
		added[i] = ranges(0, 1<<20)
	}
	if err := c.SetFiles(b.Context(), id, files); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.AddVerified(b.Context(), id, added); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerified10000(b *testing.B) {
	c := newCatalog(b)
	all := make([]content.Ranges, 10_000)
	for i := range all {
		all[i] = ranges(0, int64(i))
	}
	id, err := c.AddWhole(b.Context(), least(), Contents{Files: manyFiles(10_000), Verified: all})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Verified(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}
