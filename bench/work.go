package bench

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/test/peers"
)

// pieceSize is that of all torrents here.
const pieceSize = 1 << 20

// Work is what is to be transferred.
type Work struct {
	// Torrent is a .torrent that names no tracker, Info what it says.
	Torrent string
	Info    peers.TorrentInfo
	Format  peers.Format
	// Dir is the folder that holds the content.
	Dir  string
	Size int64
}

// NewFile makes a file of random bytes and a .torrent of it.
func NewFile(t *testing.T, format peers.Format, size int64) Work {
	t.Helper()
	w := Work{Dir: t.TempDir(), Format: format, Size: size}
	return w.describe(t, peers.WriteFile(t, filepath.Join(w.Dir, "work"), 1, size))
}

// NewFolder makes a folder of that many files of least to most bytes, and a .torrent of it.
func NewFolder(t *testing.T, format peers.Format, files int, least, most int64) Work {
	t.Helper()
	w := Work{Dir: t.TempDir(), Format: format}
	dice := rand.New(rand.NewPCG(1, 2))
	var all []peers.File
	for i := range files {
		f := peers.File{Path: fmt.Sprintf("%02d/%05d", i/100, i), Size: least + dice.Int64N(most-least+1)}
		w.Size += f.Size
		all = append(all, f)
	}
	return w.describe(t, peers.WriteTree(t, filepath.Join(w.Dir, "work"), 1, all))
}

// describe makes the .torrent. libtorrent does, so that no client reads its own.
func (w Work) describe(t *testing.T, path string) Work {
	t.Helper()
	w.Torrent = filepath.Join(t.TempDir(), "work.torrent")
	w.Info = peers.Make(t, path, w.Torrent, peers.MakeOptions{Format: w.Format, PieceSize: pieceSize})
	return w
}

// At is the same work, with a .torrent that names a tracker.
func (w Work) At(t *testing.T, tracker string) Work {
	t.Helper()
	torrent, err := os.ReadFile(w.Torrent)
	if err != nil {
		t.Fatal(err)
	}
	// It is a dictionary whose other keys come behind.
	torrent = append(fmt.Appendf(nil, "d8:announce%d:%s", len(tracker), tracker), torrent[1:]...)
	w.Torrent = filepath.Join(t.TempDir(), "work.torrent")
	if err := os.WriteFile(w.Torrent, torrent, 0o644); err != nil {
		t.Fatal(err)
	}
	return w
}

// List writes the files of the work as a list for the floor, and returns its path.
func (w Work) List(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, f := range w.Info.Files {
		fmt.Fprintf(&b, "%d %s\n", f.Size, f.Path)
	}
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Compare fails t unless dir holds the same content.
func (w Work) Compare(t *testing.T, dir string) {
	t.Helper()
	for _, f := range w.Info.Files {
		if err := same(filepath.Join(w.Dir, f.Path), filepath.Join(dir, f.Path)); err != nil {
			t.Fatal(err)
		}
	}
}

// same compares two files.
func same(want, got string) error {
	a, err := os.Open(want)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.Open(got)
	if err != nil {
		return err
	}
	defer b.Close()
	left, right := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(a, left)
		m, _ := io.ReadFull(b, right)
		if !bytes.Equal(left[:n], right[:m]) {
			return fmt.Errorf("%s is not what was shared", got)
		}
		if err != nil {
			return nil // at the end of both
		}
	}
}
