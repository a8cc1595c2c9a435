package catalog

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// someFeed is a feed with every field set.
func someFeed() Feed {
	return Feed{
		Role: Followed, Publisher: [32]byte{1, 0, 255}, Salt: "new\xff", Sequence: 1 << 40,
		Value: []byte("d2:ih0:e"), Signature: []byte{0, 1, 2},
	}
}

// someFormer are files with every field set, and with none that may be empty.
func someFormer() []FormerFile {
	return []FormerFile{
		{Identity: Identity{"album/A\xff", 10, 2, 3, 1<<63 + 4, 5}, Root: metainfo.HashV2{7}},
		{Identity: Identity{Name: "b.part"}},
	}
}

func TestFeedsThatCannotBe(t *testing.T) {
	c := newCatalog(t)
	for name, spoil := range map[string]func(*Feed){
		"role": func(f *Feed) { f.Role = "x" }, "salt": func(f *Feed) { f.Salt = strings.Repeat("x", 65) },
		"value": func(f *Feed) { f.Value = make([]byte, 1001) }, "signature": func(f *Feed) { f.Signature = make([]byte, 65) },
		"sequence": func(f *Feed) { f.Sequence = -1 },
	} {
		r := full()
		spoil(&r.Feed)
		var refused *InvalidError
		if _, err := c.Add(t.Context(), r); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f := someFeed(); !f.Is(f.Publisher, f.Salt) || f.Is(f.Publisher, "") || (&Feed{}).Is([32]byte{}, "") {
		t.Error("feeds are told apart wrongly")
	}
}

// Former files go in with the new contents, in one step, and are forgotten when they are gone, or the object is.
func TestFormerFiles(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	id := mustAdd(t, c, full())
	if got, err := c.FormerFiles(ctx, id); got != nil || err != nil {
		t.Errorf("before any: %v, %v", got, err)
	}
	want := someFormer()
	err := c.Reissue(ctx, id, func(r *Record) { r.Feed.Sequence++ }, Contents{Former: want})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.FormerFiles(ctx, id)
	if r, e := c.Get(ctx, id); err != nil || e != nil || !reflect.DeepEqual(got, want) || r.Feed.Sequence != someFeed().Sequence+1 {
		t.Errorf("%+v, %v, %+v, %v", got, err, r.Feed, e)
	}
	// A step that fails changes nothing.
	bad := []FormerFile{{Identity: Identity{Name: "../x"}}}
	if err := c.Reissue(ctx, id, func(r *Record) { r.Feed.Sequence++ }, Contents{Former: bad}); err == nil {
		t.Error("a path that leads elsewhere was taken")
	}
	if got, err := c.FormerFiles(ctx, id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := c.ForgetFormerFiles(ctx, id); err != nil {
		t.Fatal(err)
	}
	if got, err := c.FormerFiles(ctx, id); got != nil || err != nil {
		t.Errorf("after they were forgotten: %v, %v", got, err)
	}
	if err := c.Reissue(ctx, id, func(*Record) {}, Contents{Former: want}); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := c.reader.QueryRow("SELECT count(*) FROM former_files").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
}
