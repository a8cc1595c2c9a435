package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// needDisk skips a test that wants more room than there is.
func needDisk(t *testing.T, bytes int64) {
	t.Helper()
	var s syscall.Statfs_t
	dir := os.TempDir()
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	if free := int64(s.Bavail) * s.Bsize; free < bytes {
		t.Skipf("the disk is low: %s has %d MiB, this test needs %d", dir, free>>20, bytes>>20)
	}
}

// TestManyFiles: 10,000 files of 8 to 64 KiB arrive whole, from potluck and from libtorrent.
func TestManyFiles(t *testing.T) {
	netns.Need(t)
	needDisk(t, 2<<30)
	var files []peers.File
	sizes := rand.New(rand.NewPCG(8, 8))
	for i := range 10_000 {
		files = append(files, peers.File{Path: fmt.Sprintf("%02d/%04d.bin", i/100, i), Size: 8<<10 + sizes.Int64N(56<<10+1)})
	}
	path := peers.WriteTree(t, filepath.Join(t.TempDir(), "many"), 8, files)
	t.Run("from potluck", func(t *testing.T) {
		_, shared := newNode(t).share(t, []string{path})
		dir, _ := newNode(t).get(t, shared[0].Link)
		peers.Same(t, path, filepath.Join(dir, "many"))
	})
	t.Run("from libtorrent", func(t *testing.T) {
		peers.Require(t, peers.Libtorrent)
		o := makeObject(t, path, peers.MakeOptions{Format: peers.V1})
		seed := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(path)})
		dir, _ := newNode(t).get(t, o.torrent, "--peer", seed.Addr().String())
		peers.Same(t, path, filepath.Join(dir, "many"))
	})
}

// TestLargeSparseFile: a file above 4 GiB is shared and fetched.
func TestLargeSparseFile(t *testing.T) {
	netns.Need(t)
	const size = 5 << 30
	needDisk(t, size+(2<<30))
	path := filepath.Join(t.TempDir(), "sparse.bin")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	// Something that is not zero at the start, on both sides of 4 GiB, and at the end.
	for _, at := range []int64{0, 4<<30 - 3, 4<<30 + 100_000, size - 5} {
		if _, err := f.WriteAt([]byte("here!"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, shared := newNode(t).share(t, []string{path})
	dir := t.TempDir()
	c := newNode(t).start(t, "get", shared[0].Link, "-o", dir)
	c.wait(t, 6*time.Minute)
	c.exits(t, 0)
	peers.Same(t, path, filepath.Join(dir, "sparse.bin"))
}
