package catalog

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

// seeded is a source of randomness that gives the same bytes for the same seed.
func seeded(seed int64) io.Reader {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], uint64(seed))
	return rand.NewChaCha8(key)
}

var opened atomic.Int64

// mustOpen opens a catalog that is closed with the test. Each draws other ids.
func mustOpen(t testing.TB, path string) *Catalog {
	t.Helper()
	c, err := Open(t.Context(), path, seeded(opened.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, ErrDamaged) {
			t.Error("close:", err)
		}
	})
	return c
}

func newCatalog(t testing.TB) *Catalog {
	t.Helper()
	return mustOpen(t, filepath.Join(t.TempDir(), "catalog.db"))
}

func mustAdd(t testing.TB, c *Catalog, r Record) string {
	t.Helper()
	id, err := c.Add(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hashesOf(info string) metainfo.InfoHash {
	h1, h2 := metainfo.HashV1(sha1.Sum([]byte(info))), metainfo.HashV2(sha256.Sum256([]byte(info)))
	return metainfo.NewInfoHash(&h1, &h2)
}

// full is a record with every field set.
func full() Record {
	const info = "d4:name4:filee"
	return Record{
		Kind: Fetched, State: Fetching, Name: "Läden & Söhne", Root: "/home/u/Down\xffloads", Dir: true, Size: 1 << 40,
		InfoHash: hashesOf(info), Info: []byte(info), Private: true,
		Trackers: [][]string{{"http://a/announce", "udp://b:1"}, {"http://c/announce"}},
		WebSeeds: []string{"https://w/x?y=\"z\""}, Peers: []string{"192.0.2.1:6881"},
		Selected: []string{"**/*.flac"}, Sequential: true, Comment: "two\nlines",
		AddedAt: time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC), DoneAt: time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC),
		UploadedBytes: 1 << 50, DownloadedBytes: 7, Error: "disk full", UpLimit: 1000, DownLimit: 2000, Side: "/s/side",
		Feed: someFeed(),
	}
}

// least is a record with nothing set that may be empty.
func least() Record { return Record{Kind: Shared, State: Seeding, Root: "/r"} }

func TestRecordRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cat 100%?#.db")
	c := mustOpen(t, path)
	want := []Record{full(), least()}
	for i := range want {
		want[i].ID = mustAdd(t, c, want[i])
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := mustOpen(t, path).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAddRefuses(t *testing.T) {
	cases := map[string]func(*Record){
		"an id":            func(r *Record) { r.ID = "01234567" },
		"no kind":          func(r *Record) { r.Kind = "" },
		"unknown state":    func(r *Record) { r.State = "dreaming" },
		"no root":          func(r *Record) { r.Root = "" },
		"NUL in root":      func(r *Record) { r.Root = "/a\x00b" },
		"slash in name":    func(r *Record) { r.Name = "a/b" },
		"dots as name":     func(r *Record) { r.Name = ".." },
		"negative size":    func(r *Record) { r.Size = -1 },
		"huge size":        func(r *Record) { r.Size = content.MaxObjectSize + 1 },
		"negative upload":  func(r *Record) { r.UploadedBytes = -1 },
		"foreign info":     func(r *Record) { r.Info = []byte("de"); r.InfoHash = hashesOf("other") },
		"info, no hash":    func(r *Record) { r.Info = []byte("de") },
		"empty tracker":    func(r *Record) { r.Trackers = [][]string{{""}} },
		"no UTF-8":         func(r *Record) { r.Selected = []string{"\xff"} },
		"too many peers":   func(r *Record) { r.Peers = strings.Split(strings.Repeat("a ", maxList), " ") },
		"comment too long": func(r *Record) { r.Comment = strings.Repeat("a", maxString+1) },
	}
	c := newCatalog(t)
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			r := least()
			spoil(&r)
			var e *InvalidError
			if _, err := c.Add(t.Context(), r); !errors.As(err, &e) {
				t.Errorf("got %v", err)
			}
		})
	}
	if rs, err := c.List(t.Context()); err != nil || len(rs) != 0 {
		t.Errorf("something was stored: %v, %v", rs, err)
	}
}

// script is randomness that was written down.
type script struct{ io.Reader }

func TestGet(t *testing.T) {
	ids := "\x12\x34\x00\x01" + "\x12\x34\x00\x02" + "\xab\xcd\xef\x00" + "\x12\x34\x00\x01" + "\x99\x99\x99\x99"
	c, err := Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), script{strings.NewReader(ids)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hybrid, twin := full(), full()
	v1 := metainfo.HashV1{1, 2, 3}
	old := least()
	old.InfoHash = metainfo.NewInfoHash(&v1, nil)
	mustAdd(t, c, least())
	mustAdd(t, c, old)
	mustAdd(t, c, hybrid)
	// The id drawn is taken: another is drawn.
	twin.Info, twin.InfoHash = nil, hashesOf("twin")
	if id := mustAdd(t, c, twin); id != "99999999" {
		t.Errorf("fourth id %s", id)
	}
	h1, _ := hybrid.InfoHash.V1()
	h2, _ := hybrid.InfoHash.V2()
	cases := map[string]string{ // ref -> id, several ids, or nothing
		"12340001": "12340001", "1234000": "12340001 12340002", "1234": "12340001 12340002", "123": "", "": "",
		"abcd": "abcdef00", "ABCDEF": "abcdef00", "abcdef01": "", "abcdef000": "", "ab%": "", "....": "",
		h1.String(): "abcdef00", h2.String(): "abcdef00", h2.String()[:40]: "abcdef00", h2.String()[:38]: "",
		v1.String(): "12340002", strings.Repeat("0", 40): "", strings.Repeat("f", 64): "",
	}
	for ref, want := range cases {
		r, err := c.Get(t.Context(), ref)
		var several *AmbiguousError
		switch {
		case errors.As(err, &several):
			if got := strings.Join(several.IDs, " "); got != want {
				t.Errorf("%q: got %s, want %s", ref, got, want)
			}
		case errors.Is(err, ErrNotFound):
			if want != "" {
				t.Errorf("%q: not found, want %s", ref, want)
			}
		case err != nil || r.ID != want:
			t.Errorf("%q: got %s, %v, want %s", ref, r.ID, err, want)
		}
	}
	rs, err := c.FindByInfoHash(t.Context(), metainfo.NewInfoHash(&v1, &h2))
	if err != nil || len(rs) != 2 || rs[0].ID != "12340002" || rs[1].ID != "abcdef00" {
		t.Errorf("by info-hash: %+v, %v", rs, err)
	}
	if rs, err := c.FindByInfoHash(t.Context(), metainfo.InfoHash{}); err != nil || len(rs) != 0 {
		t.Errorf("by no info-hash: %+v, %v", rs, err)
	}
	// Randomness that has run dry is an error, not an id of zeros.
	if id, err := c.Add(t.Context(), least()); err == nil {
		t.Errorf("got id %s of nothing", id)
	}
}

func TestFindShared(t *testing.T) {
	c := newCatalog(t)
	fetched := full()
	fetched.Root = "/r"
	mustAdd(t, c, fetched)
	first, second := mustAdd(t, c, least()), mustAdd(t, c, least())
	rs, err := c.FindShared(t.Context(), "/r")
	if err != nil || len(rs) != 2 || rs[0].ID != first || rs[1].ID != second {
		t.Errorf("got %+v, %v", rs, err)
	}
	if rs, err := c.FindShared(t.Context(), "/R"); err != nil || len(rs) != 0 {
		t.Errorf("another path: %+v, %v", rs, err)
	}
}

func TestUpdate(t *testing.T) {
	c := newCatalog(t)
	id := mustAdd(t, c, least())
	want := full()
	want.ID, want.Kind = id, Shared
	set := func(r *Record) { *r = want }
	if err := c.Update(t.Context(), id, set); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get(t.Context(), id); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for name, change := range map[string]func(*Record){
		"id":    func(r *Record) { r.ID = "00000000" },
		"kind":  func(r *Record) { r.Kind = Fetched },
		"state": func(r *Record) { r.State = "odd" },
		"info":  func(r *Record) { r.Info[0] = 'x' },
	} {
		var e *InvalidError
		if err := c.Update(t.Context(), id, change); !errors.As(err, &e) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got, err := c.Get(t.Context(), id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("a refused change left its mark: %+v, %v", got, err)
	}
	if err := c.Update(t.Context(), id, func(r *Record) { r.Info = nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get(t.Context(), id); err != nil || got.Info != nil {
		t.Errorf("info is still %q, %v", got.Info, err)
	}
	if err := c.Update(t.Context(), "00000000", set); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such object: %v", err)
	}
}

func TestDeleteForgetsAll(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	root := metainfo.HashV2{1}
	id, err := c.AddWhole(ctx, full(), Contents{
		Files:       []FileRow{{Path: "a", Size: 5, Priority: Normal}},
		Verified:    []content.Ranges{ranges(0, 5)},
		PieceLayers: map[metainfo.HashV2][]metainfo.HashV2{root: {{2}, {3}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = c.AddDigests(ctx, id, DigestFileRoot, []Digest{{Digest: root[:], Extent: content.Extent{Length: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"objects", "infos", "files", "verified", "piece_layers", "digests"} {
		var n int
		if err := c.reader.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d rows, %v", table, n, err)
		}
	}
	if err := c.Delete(ctx, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// A record that a stray write has spoiled must not hide the others.
func TestListNamesSpoiledRecords(t *testing.T) {
	for _, set := range []string{
		"kind = 'odd'", "state = ''", "v1 = x'00'", "v2 = x'00'", "v1 = zeroblob(20)", "trackers = '{'", "peers = '[1]'",
		"size = -1", "dir = 7", "name = 'a/b'", "root = ''",
	} {
		t.Run(set, func(t *testing.T) {
			c := newCatalog(t)
			good, bad := mustAdd(t, c, least()), mustAdd(t, c, full())
			if _, err := c.writer.Exec("UPDATE objects SET "+set+" WHERE id = ?", bad); err != nil {
				t.Fatal(err)
			}
			rs, err := c.List(t.Context())
			if len(rs) != 1 || rs[0].ID != good {
				t.Errorf("listed %+v", rs)
			}
			var e *RecordError
			if !errors.As(err, &e) || e.ID != bad {
				t.Errorf("error %v", err)
			}
			if _, err := c.Get(t.Context(), bad); !errors.As(err, &e) {
				t.Errorf("got: %v", err)
			}
			if err := c.Delete(t.Context(), bad); err != nil {
				t.Errorf("cannot be deleted: %v", err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	if v, ok, err := c.Setting(ctx, "port"); v != "" || ok || err != nil {
		t.Errorf("before: %q %v %v", v, ok, err)
	}
	for _, want := range []string{"6881", "", "a\x00\xff"} {
		if err := c.SetSetting(ctx, "port", want); err != nil {
			t.Fatal(err)
		}
		if v, ok, err := c.Setting(ctx, "port"); v != want || !ok || err != nil {
			t.Errorf("got %q %v %v, want %q", v, ok, err, want)
		}
	}
	if err := errors.Join(c.DeleteSetting(ctx, "port"), c.DeleteSetting(ctx, "port")); err != nil {
		t.Error(err)
	}
	if _, ok, _ := c.Setting(ctx, "port"); ok {
		t.Error("still there")
	}
	if err := c.SetSetting(ctx, "", "x"); err == nil {
		t.Error("took an empty key")
	}
}

// Writers wait for each other, and readers for nobody.
func TestConcurrentUse(t *testing.T) {
	c := newCatalog(t)
	id := mustAdd(t, c, least())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if err := c.Update(t.Context(), id, func(r *Record) { r.UploadedBytes++ }); err != nil {
					t.Error(err)
				}
				if _, err := c.List(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r, err := c.Get(t.Context(), id); err != nil || r.UploadedBytes != 160 {
		t.Errorf("%d of 160 changes are there, %v", r.UploadedBytes, err)
	}
}

func TestContextEnds(t *testing.T) {
	c := newCatalog(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Add(ctx, least()); !errors.Is(err, context.Canceled) {
		t.Errorf("add: %v", err)
	}
	if _, err := c.List(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	if rs, err := c.List(t.Context()); err != nil || len(rs) != 0 {
		t.Errorf("list: %v, %v", rs, err)
	}
}
