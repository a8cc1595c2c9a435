package peers

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// File is a file of made-up content.
type File struct {
	Path string // slash-separated, below the object's folder
	Size int64
}

// Odd is a small folder with everything that is hard about folders: empty files, one byte, sizes on and around the
// boundaries of blocks and pieces, names that are not ASCII, and depth. No two files of it want padding of the same size,
// since rtorrent takes no two files of one name.
var Odd = []File{
	{"empty", 0},
	{"one byte", 1},
	{"block", 16 << 10},
	{"block and two", 16<<10 + 2},
	{"größe/ひらがな/файл.bin", 100_003},
	{"a/b/c/d/e/f/g/deep", 33_000},
	{"zeros after", 3 << 20},
	{".hidden", 777},
}

// WriteTree writes files of random bytes, the same for the same seed, into dir and returns dir.
func WriteTree(t testing.TB, dir string, seed uint64, files []File) string {
	t.Helper()
	for i, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		WriteFile(t, path, seed+uint64(i), f.Size)
	}
	return dir
}

// WriteFile writes a file of random bytes, the same for the same seed, and returns its path.
func WriteFile(t testing.TB, path string, seed uint64, size int64) string {
	t.Helper()
	var key [32]byte
	key[0], key[1], key[2], key[3] = byte(seed), byte(seed>>8), byte(seed>>16), byte(seed>>24)
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.CopyN(out, rand.NewChaCha8(key), size); err != nil {
		t.Fatal(err)
	}
	return path
}

// Digests are the SHA-256 of every file at or below path, by slash-separated path below it ("." for a lone file).
func Digests(t testing.TB, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		in, err := os.Open(p)
		if err != nil {
			return err
		}
		defer in.Close()
		h := sha256.New()
		if _, err := io.Copy(h, in); err != nil {
			return err
		}
		rel, err := filepath.Rel(path, p)
		found[filepath.ToSlash(rel)] = fmt.Sprintf("%x", h.Sum(nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// emptyDigest is the SHA-256 of nothing.
const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Same fails the test unless the file or folder got holds the same files with the same content as want, and no others.
func Same(t testing.TB, want, got string) {
	t.Helper()
	compare(t, want, got, func(string, string) bool { return false })
}

// compare compares two files or folders but for the files to ignore.
func compare(t testing.TB, want, got string, ignore func(path, digest string) bool) {
	t.Helper()
	wanted, found := Digests(t, want), Digests(t, got)
	maps.DeleteFunc(wanted, ignore)
	maps.DeleteFunc(found, ignore)
	if len(wanted) == 0 {
		t.Errorf("%s: nothing to compare", want)
	}
	if maps.Equal(wanted, found) {
		return
	}
	t.Errorf("%s has %d files, want %d", got, len(found), len(wanted))
	shown := 0
	for path := range found {
		if _, ok := wanted[path]; !ok && shown < 10 {
			shown++
			t.Errorf("%s: nobody shared this", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(wanted)) {
		if found[path] != wanted[path] && shown < 20 {
			shown++
			t.Errorf("%s: SHA-256 is %q, want %q", path, found[path], wanted[path])
		}
	}
}

// WritePads writes the padding of a torrent's object, as files of zeros, into the folder that holds the object. Clients that
// know no BEP 47 seed a hybrid only with them.
func WritePads(t testing.TB, parent string, pads []TorrentFile) {
	t.Helper()
	for _, pad := range pads {
		path := filepath.Join(parent, filepath.FromSlash(pad.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, pad.Size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Spoil flips bits in every 16 KiB block of the files at or below path.
func Spoil(t testing.TB, path string) {
	t.Helper()
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for i := 0; i < len(b); i += 16 << 10 {
			b[i] ^= 0xff
		}
		return os.WriteFile(p, b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Copy copies a file or folder.
func Copy(t testing.TB, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else {
		var b []byte
		if b, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, b, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
