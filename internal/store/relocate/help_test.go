package relocate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func newStore(fsys vfs.FS) *store.Store {
	return store.New(fsys, store.Options{Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }})
}

// onEachDisk runs a test in memory and on the real file system.
func onEachDisk(t *testing.T, test func(t *testing.T, d vfstest.Disk)) {
	t.Run("memory", func(t *testing.T) { test(t, vfstest.Memory()) })
	t.Run("os", func(t *testing.T) { test(t, vfstest.System(t)) })
}

// file is a file of a made-up object.
type file struct {
	name string
	size int64
}

// folder makes an object called "album".
func folder(t testing.TB, files ...file) content.Object {
	t.Helper()
	var names content.Names
	list := make([]content.File, len(files))
	for i, f := range files {
		p, err := names.Add(f.name)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = content.File{Path: p, Size: f.size}
	}
	o, err := content.NewObject(content.MakePath("album"), true, list)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// lone makes an object of one file.
func lone(t testing.TB, name string, size int64) content.Object {
	t.Helper()
	p := content.MakePath(name)
	o, err := content.NewObject(p, false, []content.File{{Path: p, Size: size}})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// pattern is what the bytes of a file should be.
func pattern(file int, off, length int64) []byte {
	b := make([]byte, length)
	for i := range b {
		x := uint64(off+int64(i))*0x9e3779b97f4a7c15 + uint64(file)
		b[i] = byte(x>>56) | 1 // never zero, as a hole is
	}
	return b
}

// put writes and verifies a run of a file.
func put(t testing.TB, o *store.Object, file int, off, length int64) {
	t.Helper()
	if err := o.WriteAt(pattern(file, off, length), file, off); err != nil {
		t.Fatal(err)
	}
	o.Verified(content.Extent{File: file, Offset: off, Length: length})
}

func mustSync(t testing.TB, o *store.Object) []store.Durable {
	t.Helper()
	d, err := o.Sync()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want %v", err, kind)
	}
}

// wantDisk checks that an error is the disk's and returns it.
func wantDisk(t testing.TB, err error) *store.DiskError {
	t.Helper()
	var d *store.DiskError
	if !errors.As(err, &d) {
		t.Fatalf("got error %v, want a disk error", err)
	}
	return d
}
