package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func openFetched(t testing.TB, fsys vfs.FS, dir string, obj content.Object, opt store.FetchOptions) *store.Object {
	t.Helper()
	o, err := newStore(fsys).OpenFetched(dir, obj, opt)
	must(t, err)
	t.Cleanup(func() { o.Close() })
	return o
}

func TestFetchFolder(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		obj := folder(t, file{"a", 100_000}, file{"sub", 50}, file{"empty", 0}, file{"skipped", 70_000}, file{"no", 0})
		dir, side := d.Path("new/downloads"), d.Path("side")
		opt := store.FetchOptions{Selected: []bool{true, true, true, false}, Side: side, Resume: true}
		o := openFetched(t, d, dir, obj, opt)
		want(t, o.ReadAt(make([]byte, 5), 0, 0), store.ErrMissing)
		want(t, o.ReadAt(make([]byte, 5), 3, 0), store.ErrMissing)
		put(t, o, 0, 30_000, 70_000)
		put(t, o, 3, 60_000, 500)
		p := make([]byte, 500)
		must(t, o.ReadAt(p, 3, 60_000))
		if !bytes.Equal(p, pattern(3, 60_000, 500)) {
			t.Error("the side file lost its bytes")
		}
		want(t, o.ReadAt(p, 3, 69_000), store.ErrMissing)
		durable := mustSync(t, o)
		wanted := []store.Durable{
			{File: 0, Range: content.Range{From: 30_000, To: 100_000}},
			{File: 3, Range: content.Range{From: 60_000, To: 60_500}},
		}
		if !slices.Equal(durable, wanted) {
			t.Errorf("durable: %v", durable)
		}
		if durable := mustSync(t, o); durable != nil {
			t.Errorf("again durable: %v", durable)
		}
		if vfstest.Exists(t, d, dir+"/album/skipped") || vfstest.Exists(t, d, dir+"/album/a") {
			t.Error("a name is there that should not")
		}
		must(t, o.Close())

		o = openFetched(t, d, dir, obj, opt)
		for i, state := range []store.FileState{store.Partial, store.Absent, store.Absent, store.Aside, store.Aside} {
			if got := o.State(i); got != state {
				t.Errorf("file %d is %d, want %d", i, got, state)
			}
		}
		must(t, o.ReadAt(p, 3, 60_000))
		put(t, o, 0, 0, 30_000)
		put(t, o, 1, 0, 50)
		mustSync(t, o)
		must(t, o.Finish(0, 1, 2))
		must(t, o.Finish(0))
		for i, name := range []string{"a", "sub", "empty"} {
			if got := vfstest.Read(t, d, dir+"/album/"+name); !bytes.Equal(got, pattern(i, 0, obj.Files()[i].Size)) {
				t.Errorf("%s has wrong bytes", name)
			}
			if vfstest.Exists(t, d, dir+"/album/"+name+".part") {
				t.Errorf("%s.part is left", name)
			}
		}
		must(t, o.Check())
		must(t, o.WriteAt([]byte("late"), 0, 0)) // dropped
		must(t, o.ReadAt(p, 0, 0))
		if !bytes.Equal(p, pattern(0, 0, 500)) {
			t.Error("a finished file was written to")
		}
		if o.Path() != dir+"/album" {
			t.Error(o.Path())
		}
		opt.Identities = o.Identities()
		must(t, o.Close())

		o = openFetched(t, d, dir, obj, opt)
		must(t, o.Check())
		must(t, o.ReadAt(p, 0, 0))
		vfstest.Write(t, d, dir+"/album/a", pattern(0, 0, 100_000))
		want(t, o.ReadAt(p, 0, 0), store.ErrChanged)
		want(t, o.Delete(), store.ErrChanged)
		if vfstest.Exists(t, d, dir+"/album/sub") || vfstest.Exists(t, d, side) || !vfstest.Exists(t, d, dir+"/album/a") {
			t.Error("removed too much or too little")
		}
		must(t, d.Remove(dir+"/album/a"))
		must(t, openFetched(t, d, dir, obj, opt).Delete())
		if vfstest.Exists(t, d, dir+"/album") {
			t.Error("the folder is left")
		}
	})
}

func TestFetchLoneFileUnderAnotherName(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		vfstest.Write(t, d, d.Path("a.txt"), []byte("mine"))
		obj := lone(t, "a.txt", 1000)
		_, err := newStore(d).OpenFetched(d.Dir, obj, store.FetchOptions{})
		want(t, err, store.ErrExists)
		o := openFetched(t, d, d.Dir, obj, store.FetchOptions{As: content.MakePath("a (1).txt")})
		put(t, o, 0, 0, 1000)
		if !vfstest.Exists(t, d, d.Path("a (1).txt.part")) {
			t.Error("no unfinished file")
		}
		mustSync(t, o)
		must(t, o.Finish(0))
		if !bytes.Equal(vfstest.Read(t, d, d.Path("a (1).txt")), pattern(0, 0, 1000)) {
			t.Error("wrong bytes")
		}
		if got := vfstest.Read(t, d, d.Path("a.txt")); string(got) != "mine" {
			t.Errorf("%q", got)
		}
	})
}

func TestNothingOfTheUsersIsOverwritten(t *testing.T) {
	obj := folder(t, file{"a", 1000}, file{"b", 0})
	mine := []byte("mine")
	t.Run("part", func(t *testing.T) {
		onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
			vfstest.Write(t, d, d.Path("album/a.part"), mine)
			_, err := newStore(d).OpenFetched(d.Dir, obj, store.FetchOptions{})
			want(t, err, store.ErrExists)
			must(t, d.Remove(d.Path("album")))
			o := openFetched(t, d, d.Dir, obj, store.FetchOptions{})
			vfstest.Write(t, d, d.Path("album/a.part"), mine)
			want(t, o.WriteAt(pattern(0, 0, 10), 0, 0), store.ErrExists)
			if got := vfstest.Read(t, d, d.Path("album/a.part")); !bytes.Equal(got, mine) {
				t.Errorf("%q", got)
			}
		})
	})
	t.Run("name", func(t *testing.T) {
		onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
			o := openFetched(t, d, d.Dir, obj, store.FetchOptions{})
			put(t, o, 0, 0, 1000)
			mustSync(t, o)
			vfstest.Write(t, d, d.Path("album/a"), mine)
			vfstest.Write(t, d, d.Path("album/b"), mine)
			want(t, o.Finish(0), store.ErrExists)
			want(t, o.Finish(1), store.ErrExists)
			p := make([]byte, 1000)
			must(t, o.ReadAt(p, 0, 0)) // still served from the unfinished file
			if !bytes.Equal(p, pattern(0, 0, 1000)) {
				t.Error("wrong bytes")
			}
			for _, name := range []string{"album/a", "album/b"} {
				if got := vfstest.Read(t, d, d.Path(name)); !bytes.Equal(got, mine) {
					t.Errorf("%s: %q", name, got)
				}
			}
			must(t, o.Close())
			_, err := newStore(d).OpenFetched(d.Dir, obj, store.FetchOptions{Resume: true})
			want(t, err, store.ErrExists)
		})
	})
}

// A file that is there in full may be what is wanted: it is read, never written, and taken by Finish if unchanged.
func TestFound(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		obj := folder(t, file{"a", 1000}, file{"b", 0})
		vfstest.Write(t, d, d.Path("album/a"), pattern(0, 0, 1000))
		vfstest.Write(t, d, d.Path("album/b"), nil)
		must(t, d.Backdate(d.Path("album/a")))
		o := openFetched(t, d, d.Dir, obj, store.FetchOptions{})
		if o.State(0) != store.Found || o.State(1) != store.Found || !o.Identity(0).IsZero() {
			t.Error(o.State(0), o.State(1), o.Identity(0))
		}
		want(t, o.WriteAt([]byte("x"), 0, 0), store.ErrExists)
		p := make([]byte, 1000)
		must(t, o.ReadAt(p, 0, 0))
		must(t, o.Finish(0, 1))
		if o.State(0) != store.Whole || o.Identity(0).IsZero() {
			t.Error(o.State(0), o.Identity(0))
		}
		must(t, o.Close())

		o = openFetched(t, d, d.Dir, obj, store.FetchOptions{})
		must(t, o.ReadAt(p, 0, 0))
		overwrite(t, d, "album/a", "changed after it was hashed")
		want(t, o.Finish(0), store.ErrChanged)
		want(t, o.ReadAt(p, 0, 0), store.ErrChanged)
	})
}

func TestDiskErrors(t *testing.T) {
	setup := func(t *testing.T) (*vfs.Faults, *store.Object) {
		faults := vfs.NewFaults(vfstest.Memory().FS)
		return faults, openFetched(t, faults, "/disk/d", folder(t, file{"a", 1000}, file{"b", 1000}), store.FetchOptions{})
	}
	t.Run("full", func(t *testing.T) {
		faults, o := setup(t)
		faults.SetSpace(1500)
		if free, err := newStore(faults).Free("/disk/d/not/yet"); free != 1500 || err != nil {
			t.Error(free, err)
		}
		put(t, o, 0, 0, 1000)
		err := o.WriteAt(pattern(1, 0, 1000), 1, 0)
		if disk := wantDisk(t, err); !disk.IsFull() || disk.ReadOnly() || disk.Path != "/disk/d/album/b.part" {
			t.Error(disk)
		}
		if got := mustSync(t, o); len(got) != 1 {
			t.Errorf("durable: %v", got)
		}
		faults.SetSpace(2000)
		put(t, o, 1, 0, 1000)
		mustSync(t, o)
		must(t, o.Finish(0, 1))
	})
	t.Run("read only", func(t *testing.T) {
		faults, o := setup(t)
		faults.ReadOnly()
		if disk := wantDisk(t, o.WriteAt(pattern(0, 0, 10), 0, 0)); !disk.ReadOnly() || disk.IsFull() {
			t.Error(disk)
		}
		faults.On(nil)
		put(t, o, 0, 0, 1000)
	})
	t.Run("no room for the size", func(t *testing.T) {
		faults, o := setup(t)
		faults.FailNth(vfs.OpTruncate, 1, syscall.EDQUOT)
		if disk := wantDisk(t, o.WriteAt(pattern(0, 0, 10), 0, 0)); !disk.IsFull() {
			t.Error(disk)
		}
		put(t, o, 0, 0, 1000)
		mustSync(t, o)
		must(t, o.Finish(0))
	})
	t.Run("read", func(t *testing.T) {
		faults, o := setup(t)
		put(t, o, 0, 0, 1000)
		faults.FailNth(vfs.OpRead, 1, syscall.EIO)
		if disk := wantDisk(t, o.ReadAt(make([]byte, 10), 0, 0)); disk.IsFull() || disk.ReadOnly() || disk.Op != "read" {
			t.Error(disk)
		}
	})
	t.Run("folder of a finished file", func(t *testing.T) {
		faults, o := setup(t)
		put(t, o, 0, 0, 1000)
		mustSync(t, o)
		faults.FailNth(vfs.OpSyncDir, 1, syscall.EIO)
		wantDisk(t, o.Finish(0))
		if o.State(0) == store.Whole {
			t.Error("finished, though its name may be lost")
		}
		p := make([]byte, 1000)
		must(t, o.ReadAt(p, 0, 0))
		must(t, o.Finish(0))
		if o.State(0) != store.Whole {
			t.Error(o.State(0))
		}
	})
}

// Ten thousand small files must not cost ten thousand syncs.
func TestManySmallFiles(t *testing.T) {
	const n = 10_000
	files := make([]file, n)
	for i := range files {
		files[i] = file{fmt.Sprintf("%05d", i), 100}
	}
	m := vfs.NewMem()
	faults := vfs.NewFaults(m)
	s := store.New(faults, store.Options{Handles: 100, Now: newClock().now})
	o, err := s.OpenFetched("/d", folder(t, files...), store.FetchOptions{})
	must(t, err)
	var all []int
	for i := range n {
		put(t, o, i, 0, 100)
		all = append(all, i)
	}
	if got := m.Handles(); got > 102 {
		t.Errorf("%d handles are open", got)
	}
	if got := mustSync(t, o); len(got) != n {
		t.Errorf("%d ranges are durable", len(got))
	}
	must(t, o.Finish(all...))
	if each, together, dirs := faults.Count(vfs.OpSync), faults.Count(vfs.OpSyncAll), faults.Count(vfs.OpSyncDir); each > 0 || together > 2 || dirs > 4 {
		t.Errorf("%d files, %d file systems and %d folders synced", each, together, dirs)
	}
	must(t, o.Check())
	must(t, o.Close())
	if got := m.Handles(); got != 0 {
		t.Errorf("%d handles are left open", got)
	}
}

// Files in many folders: one sync of the file system, or one of each where there is none.
func TestManyFolders(t *testing.T) {
	for _, supported := range []bool{true, false} {
		faults := vfs.NewFaults(vfs.NewMem())
		if !supported {
			faults.On(func(c vfs.Call) error {
				if c.Op == vfs.OpSyncAll {
					return errors.ErrUnsupported
				}
				return nil
			})
		}
		var names content.Names
		var files []content.File
		var all []int
		for i := range 40 {
			p, err := names.Add(fmt.Sprint("folder ", i), "x")
			must(t, err)
			files, all = append(files, content.File{Path: p, Size: 10}), append(all, i)
		}
		obj, err := content.NewObject(content.MakePath("album"), true, files)
		must(t, err)
		o := openFetched(t, faults, "/d", obj, store.FetchOptions{})
		for i := range all {
			put(t, o, i, 0, 10)
		}
		mustSync(t, o)
		must(t, o.Finish(all...))
		each, dirs := faults.Count(vfs.OpSync), faults.Count(vfs.OpSyncDir)
		if supported && each+dirs > 4 || !supported && (each != 40 || dirs < 80) {
			t.Errorf("supported %v: %d files and %d folders synced", supported, each, dirs)
		}
	}
}

// Some file systems say only at the close that a write failed.
func TestFailedClose(t *testing.T) {
	faults := vfs.NewFaults(vfs.NewMem())
	s := store.New(faults, store.Options{Handles: 1, Now: newClock().now})
	o, err := s.OpenFetched("/d", folder(t, file{"a", 10}, file{"b", 10}), store.FetchOptions{})
	must(t, err)
	defer o.Close()
	faults.FailNth(vfs.OpClose, 1, syscall.EDQUOT)
	put(t, o, 0, 0, 10)
	put(t, o, 1, 0, 10)
	_, err = o.Sync()
	disk := wantDisk(t, err)
	if message := "close /d/album/a.part: " + syscall.EDQUOT.Error(); !disk.IsFull() || disk.Error() != message {
		t.Errorf("%v, want %s", disk, message)
	}
}

// On systems that rename by link and unlink, a crash between the two leaves both names of one file.
func TestInterruptedRename(t *testing.T) {
	d := vfstest.System(t)
	vfstest.Write(t, d, d.Path("a.part"), pattern(0, 0, 1000))
	if err := os.Link(d.Path("a.part"), d.Path("a")); err != nil {
		t.Skip("needs hard links:", err)
	}
	o := openFetched(t, d, d.Dir, lone(t, "a", 1000), store.FetchOptions{Resume: true})
	if o.State(0) != store.Found || vfstest.Exists(t, d, d.Path("a.part")) {
		t.Error("the unfinished name is left, or the final one not found")
	}
	must(t, o.ReadAt(make([]byte, 1000), 0, 0))
	must(t, o.Finish(0))
}

func BenchmarkSmallFiles(b *testing.B) {
	files := make([]file, 10_000)
	var all []int
	for i := range files {
		files[i] = file{fmt.Sprintf("%05d", i), 4096}
		all = append(all, i)
	}
	obj := folder(b, files...)
	for b.Loop() {
		o, err := newStore(vfs.OS()).OpenFetched(b.TempDir(), obj, store.FetchOptions{})
		must(b, err)
		for i := range files {
			put(b, o, i, 0, 4096)
		}
		mustSync(b, o)
		must(b, o.Finish(all...))
		must(b, o.Close())
	}
}
