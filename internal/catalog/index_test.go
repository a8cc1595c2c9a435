package catalog

import (
	"errors"
	"reflect"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

func TestDigests(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	var ids [2]string
	for i := range ids {
		ids[i] = mustAdd(t, c, least())
		if err := c.SetFiles(ctx, ids[i], []FileRow{{Path: "a", Size: 100}, {Path: "b", Size: 100}}); err != nil {
			t.Fatal(err)
		}
	}
	d := []byte{1, 2}
	add := func(id string, kind DigestKind, e content.Extent) error {
		return c.AddDigests(ctx, id, kind, []Digest{{d, e}})
	}
	at := content.Extent{File: 1, Offset: 10, Length: 20}
	err := errors.Join(add(ids[1], DigestPiece, at), add(ids[0], DigestPiece, at), add(ids[0], DigestPiece, at),
		add(ids[0], DigestPiece, content.Extent{Length: 20}), add(ids[0], DigestFileRoot, content.Extent{Length: 100}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Find(ctx, DigestPiece, d)
	want := []Location{{ids[0], content.Extent{Length: 20}}, {ids[0], at}, {ids[1], at}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := c.Find(ctx, DigestPiece, []byte{9}); err != nil || got != nil {
		t.Errorf("unknown digest: %v, %v", got, err)
	}
	for _, e := range []content.Extent{{File: 2, Length: 1}, {File: -1, Length: 1}, {Offset: -1, Length: 1}, {}} {
		if err := add(ids[0], DigestPiece, e); err == nil {
			t.Errorf("took extent %s", e)
		}
	}
}

func TestPieceLayers(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	id := mustAdd(t, c, least())
	type layers = map[metainfo.HashV2][]metainfo.HashV2
	first := layers{{1}: {{2}, {3}}, {4}: {{5}}}
	if err := errors.Join(c.SetPieceLayers(ctx, id, first), c.SetPieceLayers(ctx, id, layers{{6}: {{7}}})); err != nil {
		t.Fatal(err)
	}
	first[metainfo.HashV2{6}] = []metainfo.HashV2{{7}}
	if got, err := c.PieceLayers(ctx, id); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("got %v, %v", got, err)
	}
	if err := c.SetPieceLayers(ctx, id, layers{{8}: {}}); err == nil {
		t.Error("took an empty layer")
	}
	if _, err := c.writer.Exec("UPDATE piece_layers SET hashes = x'0102'"); err != nil {
		t.Fatal(err)
	}
	var e *RecordError
	if got, err := c.PieceLayers(ctx, id); !errors.As(err, &e) {
		t.Errorf("spoiled layers: %v, %v", got, err)
	}
}
