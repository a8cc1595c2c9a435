package store_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

// Promise 4.5: "A file that changed on disk is noticed (size, mtime, inode, ctime) and never served under its old
// hash."
func TestPromise4_5ChangedFileIsNotServed(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, d vfstest.Disk)
		err    error
		later  bool // noticed when the path is looked at again
	}{
		{"overwritten", func(t *testing.T, d vfstest.Disk) { overwrite(t, d, "album/a", "HELLO") }, store.ErrChanged, false},
		{"appended", func(t *testing.T, d vfstest.Disk) { overwrite(t, d, "album/a", "hello!") }, store.ErrChanged, false},
		{"cut", func(t *testing.T, d vfstest.Disk) { vfstest.Write(t, d, d.Path("album/a"), []byte("he")) }, store.ErrChanged, false},
		{"same bytes written", func(t *testing.T, d vfstest.Disk) { overwrite(t, d, "album/a", "hello") }, store.ErrChanged, false},
		{"removed", func(t *testing.T, d vfstest.Disk) { must(t, d.Remove(d.Path("album/a"))) }, nil, true},
		{"replaced", func(t *testing.T, d vfstest.Disk) {
			vfstest.Write(t, d, d.Path("new"), []byte("other"))
			must(t, d.Rename(d.Path("new"), d.Path("album/a")))
		}, nil, true},
		{"replaced by a link", func(t *testing.T, d vfstest.Disk) {
			must(t, d.Rename(d.Path("album/a"), d.Path("moved")))
			must(t, d.Symlink("../moved", d.Path("album/a")))
		}, store.ErrChanged, true},
		{"replaced by a folder", func(t *testing.T, d vfstest.Disk) {
			must(t, d.Remove(d.Path("album/a")))
			must(t, d.MkdirAll(d.Path("album/a")))
		}, store.ErrChanged, true},
		{"folder gone", func(t *testing.T, d vfstest.Disk) { must(t, d.Remove(d.Path("album"))) }, store.ErrMissing, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
				for _, open := range []bool{false, true} {
					must(t, d.Remove(d.Path("album")))
					vfstest.Write(t, d, d.Path("album/a"), []byte("hello"))
					vfstest.Write(t, d, d.Path("album/b"), []byte("b"))
					must(t, d.Backdate(d.Path("album/a")))
					c := newClock()
					s := store.New(d, store.Options{Now: c.now})
					o, ids, err := s.Adopt(d.Path("album"), store.AdoptOptions{})
					must(t, err)
					shared := s.OpenShared(d.Path("album"), o, ids)
					p := make([]byte, 5)
					if open {
						must(t, shared.ReadAt(p, 0, 0))
					}
					test.change(t, d)
					if test.later {
						c.advance(3 * time.Second)
					}
					err = shared.ReadAt(p, 0, 0)
					if err == nil || !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrMissing) {
						t.Errorf("open before: %v: read %q, error %v", open, p, err)
					}
					if test.err != nil && !errors.Is(shared.Check(), test.err) {
						t.Errorf("Check: %v", shared.Check())
					}
					if err := shared.ReadAt(p, 0, 0); err == nil {
						t.Error("it reads again")
					}
					must(t, shared.Close())
				}
			})
		})
	}
}

// overwrite changes a file in place.
func overwrite(t *testing.T, d vfstest.Disk, name, data string) {
	t.Helper()
	f, err := d.OpenFile(d.Path(name), 2, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(data), 0)
	must(t, errors.Join(err, f.Close()))
}

// Promise 4.5: "The user's own files are never written to by a share."
func TestPromise4_5SharedFilesAreNeverWrittenTo(t *testing.T) {
	d := vfstest.Memory()
	vfstest.Write(t, d, d.Path("album/a"), []byte("hello"))
	faults := vfs.NewFaults(d)
	faults.ReadOnly()
	s := newStore(faults)
	o, ids, err := s.Adopt(d.Path("album"), store.AdoptOptions{})
	must(t, err)
	shared := s.OpenShared(d.Path("album"), o, ids)
	want(t, shared.WriteAt([]byte("x"), 0, 0), store.ErrShared)
	want(t, shared.Finish(0), store.ErrShared)
	want(t, shared.Reset(0), store.ErrShared)
	want(t, shared.Delete(), store.ErrShared)
	shared.Verified(content.Extent{File: 0, Length: 5})
	if durable, err := shared.Sync(); err != nil || durable != nil {
		t.Error(durable, err)
	}
	p := make([]byte, 5)
	must(t, shared.ReadAt(p, 0, 0))
	must(t, shared.Close())
	for op := range vfs.OpSyncAll + 1 {
		switch op {
		case vfs.OpOpen, vfs.OpRead, vfs.OpStat, vfs.OpReadDir:
		default:
			if n := faults.Count(op); n > 0 {
				t.Errorf("operation %d was tried %d times", op, n)
			}
		}
	}
	if got := string(vfstest.Read(t, d, d.Path("album/a"))); got != "hello" {
		t.Errorf("%q", got)
	}
}

func TestSharedWithoutIdentityReadsAsChanged(t *testing.T) {
	d := vfstest.Memory()
	vfstest.Write(t, d, d.Path("a"), []byte("hello"))
	shared := newStore(d).OpenShared(d.Path("a"), lone(t, "a", 5), nil)
	defer shared.Close()
	want(t, shared.ReadAt(make([]byte, 5), 0, 0), store.ErrChanged)
	want(t, shared.Check(), store.ErrChanged)
}

func TestReadBounds(t *testing.T) {
	d := vfstest.Memory()
	vfstest.Write(t, d, d.Path("a"), []byte("hello"))
	s := newStore(d)
	o, ids, err := s.Adopt(d.Path("a"), store.AdoptOptions{})
	must(t, err)
	shared := s.OpenShared(d.Path("a"), o, ids)
	defer shared.Close()
	for _, x := range []struct {
		file int
		off  int64
		n    int
	}{{0, 1, 5}, {0, -1, 2}, {1, 0, 1}, {-1, 0, 1}, {0, 1 << 62, 1}} {
		if err := shared.ReadAt(make([]byte, x.n), x.file, x.off); err == nil {
			t.Error("read", x)
		}
	}
	must(t, shared.ReadAt(nil, 0, 5))
	got, err := io.ReadAll(io.NewSectionReader(shared.Reader(0), 0, 100))
	if err != nil || string(got) != "hello" {
		t.Error(got, err)
	}
}

// Many readers, many files, few handles.
func TestHandlesAreBounded(t *testing.T) {
	m := vfs.NewMem()
	for i := range 40 {
		vfstest.Write(t, m, "/album/"+string(rune('A'+i)), pattern(i, 0, 1000))
	}
	s := store.New(m, store.Options{Handles: 5, Now: newClock().now})
	o, ids, err := s.Adopt("/album", store.AdoptOptions{})
	must(t, err)
	shared := s.OpenShared("/album", o, ids)
	var readers sync.WaitGroup
	for r := range 8 {
		readers.Go(func() {
			for k := range 500 {
				i := (k*7 + r*k) % 40
				p := make([]byte, 100)
				if err := shared.ReadAt(p, i, 300); err != nil || !bytes.Equal(p, pattern(i, 300, 100)) {
					t.Error(i, err)
				}
			}
		})
	}
	readers.Wait()
	if n := m.Handles(); n > 5 {
		t.Errorf("%d handles are open, 5 allowed", n)
	}
	shared.Rest()
	if n := m.Handles(); n != 0 {
		t.Errorf("%d handles are open while it rests", n)
	}
	must(t, shared.ReadAt(make([]byte, 100), 7, 300))
	must(t, shared.Close())
	if n := m.Handles(); n != 0 {
		t.Errorf("%d handles are open after Close", n)
	}
}

func BenchmarkReadAt(b *testing.B) {
	d := vfstest.System(b)
	vfstest.Write(b, d, d.Path("a"), make([]byte, 1<<20))
	s := store.New(d, store.Options{Now: time.Now})
	o, ids, err := s.Adopt(d.Path("a"), store.AdoptOptions{})
	must(b, err)
	shared := s.OpenShared(d.Path("a"), o, ids)
	defer shared.Close()
	b.SetBytes(16 << 10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		p := make([]byte, 16<<10)
		for i := int64(0); pb.Next(); i++ {
			if err := shared.ReadAt(p, 0, i%64*(16<<10)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
