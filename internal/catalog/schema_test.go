package catalog

import (
	"database/sql"
	"embed"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

//go:embed testdata/*.db
var homes embed.FS

var writeHome = flag.String("write-home", "", "write a home of the schema as it is to this file, once, when the schema has a new number")

// homeContents is what every home in testdata holds.
func homeContents() (Record, Record, Contents) {
	r := full()
	r.Size = 30
	return r, least(), Contents{
		Files: []FileRow{
			{Path: "a", Size: 10, Identity: Identity{"A\xff", 10, 2, 3, 4, 5}, Priority: Normal, Finished: true},
			{Path: "b/c", Size: 20, Priority: High},
		},
		Verified:    []content.Ranges{ranges(0, 10), ranges(2, 4, 6, 8)},
		PieceLayers: map[metainfo.HashV2][]metainfo.HashV2{{1}: {{2}, {3}}},
		Former:      someFormer(),
	}
}

func TestWriteHome(t *testing.T) {
	if *writeHome == "" {
		t.Skip("needs -write-home: only a new schema wants a new home")
	}
	c := mustOpen(t, *writeHome)
	r, plain, whole := homeContents()
	id, err := c.AddWhole(t.Context(), r, whole)
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, c, plain)
	err = errors.Join(c.SetSetting(t.Context(), "port", "6881"), c.SetSavedPeers(t.Context(), id, somePeers()),
		c.AddDigests(t.Context(), id, DigestFileRoot, []Digest{{[]byte{9}, content.Extent{File: 1, Length: 20}}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.writer.Exec("VACUUM"); err != nil {
		t.Fatal(err)
	}
}

// A home that any earlier schema wrote opens, with all that was in it.
func TestGoldenHomes(t *testing.T) {
	names, err := fs.Glob(homes, "testdata/home-v*.db")
	if err != nil || len(names) == 0 {
		t.Fatal("no homes:", err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			b, err := homes.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "c.db")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			c := mustOpen(t, path)
			ctx := t.Context()
			rich, plain, want := homeContents()
			if name < "testdata/home-v3.db" { // feeds came with version 3
				rich.Feed, want.Former = Feed{}, nil
			}
			rs, err := c.List(ctx)
			if err != nil || len(rs) != 2 {
				t.Fatalf("%d objects, %v", len(rs), err)
			}
			rich.ID, plain.ID = rs[0].ID, rs[1].ID
			if !reflect.DeepEqual(rs, []Record{rich, plain}) {
				t.Errorf("got  %+v\nwant %+v", rs, []Record{rich, plain})
			}
			files, err1 := c.Files(ctx, rich.ID)
			verified, err2 := c.Verified(ctx, rich.ID)
			layers, err3 := c.PieceLayers(ctx, rich.ID)
			former, err4 := c.FormerFiles(ctx, rich.ID)
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				t.Fatal(err)
			}
			if got := (Contents{files, verified, layers, former}); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if v, _, err := c.Setting(ctx, "port"); v != "6881" || err != nil {
				t.Errorf("port %q, %v", v, err)
			}
			var peers []SavedPeer // since version 2
			if name != "testdata/home-v1.db" {
				peers = somePeers()
			}
			if name < "testdata/home-v4.db" && peers != nil { // their keys came with version 4
				peers[0].Key = identity.Key{}
			}
			if got, err := c.SavedPeers(ctx, rich.ID); err != nil || !reflect.DeepEqual(got, peers) {
				t.Errorf("saved peers %+v, %v", got, err)
			}
			found, err := c.Find(ctx, DigestFileRoot, []byte{9})
			if err != nil || len(found) != 1 || found[0].ID != rich.ID {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
}

// steps are the real migrations with more behind them.
func steps(t *testing.T, more map[string]string) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	names, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: b}
	}
	for name, text := range more {
		all["migrations/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func TestMigrateForward(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	c := mustOpen(t, path)
	id := mustAdd(t, c, full())
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// A step that fails in its middle leaves the schema as it was before it, and keeps the step before.
	broken := steps(t, map[string]string{
		"0005_more.sql":   "ALTER TABLE objects ADD COLUMN place INTEGER NOT NULL DEFAULT 7",
		"0006_broken.sql": "CREATE TABLE half (x INTEGER) STRICT; CREATE TABLE half (x INTEGER) STRICT",
	})
	if c, err := open(t.Context(), path, seeded(1), broken); err == nil {
		t.Fatal("opened", c.Close())
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var number, place, half int
	err = errors.Join(db.QueryRow("PRAGMA user_version").Scan(&number), db.QueryRow("SELECT place FROM objects").Scan(&place),
		db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").Scan(&half))
	if err != nil || number != 5 || place != 7 || half != 0 {
		t.Errorf("version %d, place %d, half %d, %v", number, place, half, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	repaired := steps(t, map[string]string{
		"0005_more.sql": "ALTER TABLE objects ADD COLUMN place INTEGER NOT NULL DEFAULT 7",
		"0006_good.sql": "CREATE TABLE whole (x INTEGER) STRICT",
	})
	c, err = open(t.Context(), path, seeded(1), repaired)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Get(t.Context(), id); err != nil || r.Name != full().Name {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// This program knows less than what is there now.
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var newer *NewerError
	if _, err := Open(t.Context(), path, seeded(1)); !errors.As(err, &newer) || newer.Have != 6 || newer.Known != 4 {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("a newer catalog was touched: %v", err)
	}
}

func TestMigrationNumbers(t *testing.T) {
	for _, name := range []string{"0006_gap.sql", "0001_twice.sql", "x.sql"} {
		if _, err := loadMigrations(steps(t, map[string]string{name: ""})); err == nil {
			t.Errorf("took %s", name)
		}
	}
}

func TestForeignDatabase(t *testing.T) {
	for _, statements := range []string{"CREATE TABLE theirs (x)", "CREATE TABLE theirs (x); PRAGMA user_version = 1"} {
		path := filepath.Join(t.TempDir(), "c.db")
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if c, err := Open(t.Context(), path, seeded(1)); err == nil {
			t.Errorf("opened %q: %v", statements, c.Close())
		} else if !strings.Contains(err.Error(), "another program") {
			t.Errorf("%q: %v", statements, err)
		}
	}
}
