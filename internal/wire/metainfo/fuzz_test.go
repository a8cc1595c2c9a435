package metainfo

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// addVectors seeds a fuzz target with the .torrent files in testdata.
func addVectors(f *testing.F, add func([]byte)) {
	names, err := filepath.Glob("testdata/*.torrent")
	if err != nil || len(names) == 0 {
		f.Fatal("no vectors", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		add(b)
	}
}

// checkInfo fails unless an info dictionary that was taken keeps what Info promises.
func checkInfo(t *testing.T, info *Info) {
	t.Helper()
	if v1, ok := info.Hash.V1(); ok && v1 != sha1.Sum(info.Raw) || info.Hash.IsZero() {
		t.Fatalf("v1 info-hash is %v", v1)
	}
	if v2, ok := info.Hash.V2(); ok && v2 != sha256.Sum256(info.Raw) {
		t.Fatalf("v2 info-hash is %v", v2)
	}
	o := info.Object()
	if paths := info.RawPaths(); len(paths) != len(info.Files) {
		t.Fatalf("%d raw paths of %d files", len(paths), len(info.Files))
	}
	seen := make(map[content.Path]bool)
	var end, total int64
	for _, f := range info.Files {
		if seen[f.Path] || !filepath.IsLocal(f.Path.String()) {
			t.Fatalf("path %q is not safe and alone", f.Path)
		}
		seen[f.Path] = true
		if f.V1Offset < end {
			t.Fatalf("file %q begins at %d, before %d", f.Path, f.V1Offset, end)
		}
		if info.HasV2() && f.Size > 0 && (f.V1Offset%info.PieceLength != 0 || f.Root == HashV2{}) {
			t.Fatalf("file %q begins at %d, root %v", f.Path, f.V1Offset, f.Root)
		}
		end = f.V1Offset + f.Size
		total += f.Size
	}
	if o.Size() != total || info.HasV1() && end > info.V1Length || end > MaxPieces*info.PieceLength {
		t.Fatalf("%d bytes to offset %d, v1 length %d", total, end, info.V1Length)
	}
	if info.HasV1() && int64(len(info.V1Pieces)) != 20*pieces(info.V1Length, info.PieceLength) {
		t.Fatalf("%d bytes of hashes for %d bytes", len(info.V1Pieces), info.V1Length)
	}
}

func FuzzParseInfo(f *testing.F) {
	addVectors(f, func(b []byte) {
		v, err := bencode.Parse(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(v.Get("info").Raw())
	})
	f.Add([]byte(v1(list(file(5, "a"), pad(BlockSize-5), file(7, "..", "a"), file(0, "A", "b")), 2)))
	f.Add([]byte(v2(dict("a", leaf(5), "b", dict("c", leaf(0), "d", "de")))))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := ParseInfo(b)
		if fault := (*Error)(nil); err != nil {
			if !errors.As(err, &fault) || fault.Field == "" || fault.Reason == "" {
				t.Fatalf("error is %v", err)
			}
			return
		}
		checkInfo(t, info)
	})
}

func FuzzParse(f *testing.F) {
	addVectors(f, func(b []byte) { f.Add(b) })
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		f.Add(made(format).Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tor, err := Parse(b)
		if fault := (*Error)(nil); err != nil {
			if !errors.As(err, &fault) || fault.Field == "" || fault.Reason == "" {
				t.Fatalf("error is %v", err)
			}
			return
		}
		checkInfo(t, tor.Info)
		for root, layer := range tor.PieceLayers {
			if LayerRoot(layer, tor.Info.PieceLength) != root {
				t.Fatal("a wrong layer was taken")
			}
		}
		again, err := Parse(tor.Append(nil))
		if err != nil || !reflect.DeepEqual(again, tor) {
			t.Fatalf("%+v comes back as %+v, %v", tor, again, err)
		}
	})
}
