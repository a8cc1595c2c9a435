package relocate_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/store/relocate"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

// wandering is an object of which some files are finished and some are not, in the folder "from" of a disk, about to be
// moved to the folder "to".
type wandering struct {
	*testing.T
	disk     vfs.FS
	from, to string
	obj      content.Object
	opt      store.FetchOptions
	o        *store.Object
	m        *relocate.Move
}

// Of these files 0 and 2 are finished, 1 is half there, 3 is not begun, 4 is empty and 5 not selected.
func newWandering(t *testing.T, disk vfs.FS, from, to string) *wandering {
	t.Helper()
	w := &wandering{T: t, disk: disk, from: from, to: to, obj: folder(t,
		file{"a", 100_000}, file{"half", 3 << 20}, file{"c", 5000}, file{"later", 77}, file{"empty", 0}, file{"aside", 500})}
	w.opt = store.FetchOptions{Selected: []bool{true, true, true, true, true, false}, Side: from + "/../side", Resume: true}
	o, err := newStore(disk).OpenFetched(from, w.obj, w.opt)
	must(t, err)
	put(t, o, 0, 0, 100_000)
	put(t, o, 1, 2<<20, 200_000)
	put(t, o, 2, 0, 5000)
	mustSync(t, o)
	must(t, o.Finish(0, 2, 4))
	w.opt.Identities = o.Identities()
	w.o, w.m = o, relocate.New(disk, w.obj, w.obj.Name(), from, to)
	return w
}

// whole checks that the object is complete in a folder, as a new start would find it.
func (w *wandering) whole(disk vfs.FS, dir string) {
	w.Helper()
	ids, err := relocate.IdentitiesIn(disk, dir, w.obj, w.obj.Name())
	must(w, err)
	opt := w.opt
	opt.Identities = make([]store.Identity, len(ids))
	for i, id := range ids {
		if old := w.opt.Identities[i]; !old.IsZero() {
			opt.Identities[i] = id
			if id.Size != old.Size || id.ModTime != old.ModTime {
				w.Errorf("file %d is another: %v, was %v", i, id, old)
			}
		}
	}
	o, err := newStore(disk).OpenFetched(dir, w.obj, opt)
	must(w, err)
	defer o.Close()
	must(w, o.Check())
	states := []store.FileState{store.Whole, store.Partial, store.Whole, store.Absent, store.Whole, store.Aside}
	for i, s := range states {
		if o.State(i) != s {
			w.Errorf("file %d is %v in %s, want %v", i, o.State(i), dir, s)
		}
	}
	for _, x := range []struct{ file, off, n int64 }{{0, 0, 100_000}, {1, 2 << 20, 200_000}, {2, 0, 5000}} {
		p := make([]byte, x.n)
		must(w, o.ReadAt(p, int(x.file), x.off))
		if !bytes.Equal(p, pattern(int(x.file), x.off, x.n)) {
			w.Errorf("file %d has other bytes", x.file)
		}
	}
}

// nothing checks that nothing of the object, and no staging folder, is in a folder.
func (w *wandering) nothing(disk vfs.FS, dir string) {
	w.Helper()
	for _, name := range []string{"album", "album.moving"} {
		if vfstest.Exists(w, disk, path.Join(dir, name)) {
			w.Errorf("%s/%s is there", dir, name)
		}
	}
}

// move goes through all steps, and undoes them after an error.
func (w *wandering) move(ctx context.Context, advance func(int64)) error {
	w.Helper()
	if err := w.m.Look(); err != nil {
		return err
	}
	if err := w.m.Begin(); err != nil {
		return err
	}
	across, err := w.m.Across()
	if err == nil && across {
		err = w.m.Copy(ctx, w.o, advance)
	}
	must(w, w.o.Close())
	if err == nil {
		err = w.m.Stage(ctx, w.o, advance)
	}
	if err == nil {
		err = w.m.Publish()
	}
	if err != nil {
		return errors.Join(err, w.m.Undo(w.opt.Identities))
	}
	return errors.Join(w.m.Settle(), w.m.Clean())
}

// onTwoDisks runs a test within one file system and across two, in memory and on the real one.
func onTwoDisks(t *testing.T, test func(t *testing.T, disk vfs.FS, from, to string)) {
	t.Run("memory", func(t *testing.T) {
		m := vfs.NewMem()
		test(t, m, "/from", "/to/deep")
		if n := m.Handles(); n > 0 {
			t.Errorf("%d handles are left open", n)
		}
	})
	t.Run("memory, two disks", func(t *testing.T) {
		m := vfs.NewMem()
		must(t, m.Mount("/to"))
		test(t, m, "/from", "/to/deep")
		if n := m.Handles(); n > 0 {
			t.Errorf("%d handles are left open", n)
		}
	})
	t.Run("os", func(t *testing.T) {
		dir := t.TempDir()
		test(t, vfs.OS(), dir+"/from", dir+"/to/deep")
	})
	t.Run("os, two disks", func(t *testing.T) {
		one, other := vfstest.Two(t)
		test(t, vfs.OS(), one+"/from", other+"/deep")
	})
}

func TestMove(t *testing.T) {
	onTwoDisks(t, func(t *testing.T, disk vfs.FS, from, to string) {
		w := newWandering(t, disk, from, to)
		across, err := w.m.Across()
		must(t, err)
		vfstest.Write(t, disk, from+"/album/mine", []byte("x"))
		var copied int64
		must(t, w.move(t.Context(), func(n int64) { copied += n }))
		w.whole(disk, to)
		if want := int64(105_000 + 3<<20); across && copied != want || !across && copied != 0 {
			t.Errorf("copied %d bytes", copied)
		}
		if vfstest.Exists(t, disk, to+"/album.moving") || vfstest.Exists(t, disk, from+"/album/a") || vfstest.Exists(t, disk, from+"/album/half.part") {
			t.Error("something is left")
		}
		if string(vfstest.Read(t, disk, from+"/album/mine")) != "x" {
			t.Error("a file that is not ours was touched")
		}
		// Once more changes nothing.
		again := relocate.New(disk, w.obj, w.obj.Name(), from, to)
		must(t, errors.Join(again.Publish(), again.Settle(), again.Clean(), again.Undo(nil)))
		w.whole(disk, to)
	})
}

func TestMoveLoneFile(t *testing.T) {
	for _, finished := range []bool{true, false} {
		onTwoDisks(t, func(t *testing.T, disk vfs.FS, from, to string) {
			obj := lone(t, "film.mkv", 10_000)
			as := content.MakePath("film (1).mkv")
			o, err := newStore(disk).OpenFetched(from, lone(t, "film (1).mkv", 10_000), store.FetchOptions{As: as})
			must(t, err)
			put(t, o, 0, 0, 10_000)
			mustSync(t, o)
			if finished {
				must(t, o.Finish(0))
			}
			m := relocate.New(disk, obj, as, from, to)
			must(t, errors.Join(m.Look(), m.Begin(), m.Copy(t.Context(), o, nil), o.Close()))
			must(t, errors.Join(m.Stage(t.Context(), o, nil), m.Publish(), m.Settle(), m.Clean()))
			name := "/film (1).mkv"
			if !finished {
				name += ".part"
			}
			if !bytes.Equal(vfstest.Read(t, disk, to+name), pattern(0, 0, 10_000)) {
				t.Error("wrong bytes")
			}
			for _, gone := range []string{from + name, to + "/film (1).mkv.moving"} {
				if vfstest.Exists(t, disk, gone) {
					t.Errorf("%s is there", gone)
				}
			}
		})
	}
}

func TestMoveOverwritesNothing(t *testing.T) {
	for _, taken := range []string{"album", "album/other", "album.moving"} {
		onTwoDisks(t, func(t *testing.T, disk vfs.FS, from, to string) {
			w := newWandering(t, disk, from, to)
			vfstest.Write(t, disk, path.Join(to, taken), []byte("mine"))
			want(t, w.move(t.Context(), nil), store.ErrExists)
			w.whole(disk, from)
			if string(vfstest.Read(t, disk, path.Join(to, taken))) != "mine" {
				t.Error("overwritten")
			}
			must(t, w.o.Close())
		})
	}
}

// The name is taken between the first look and the last step.
func TestMoveOverwritesNothingLater(t *testing.T) {
	onTwoDisks(t, func(t *testing.T, disk vfs.FS, from, to string) {
		w := newWandering(t, disk, from, to)
		must(t, errors.Join(w.m.Look(), w.m.Begin(), w.o.Close(), w.m.Stage(t.Context(), w.o, nil)))
		vfstest.Write(t, disk, to+"/album", []byte("mine"))
		want(t, w.m.Publish(), store.ErrExists)
		must(t, w.m.Undo(w.opt.Identities))
		w.whole(disk, from)
		if string(vfstest.Read(t, disk, to+"/album")) != "mine" || vfstest.Exists(t, disk, to+"/album.moving") {
			t.Error("overwritten, or something is left")
		}
	})
}

func TestMoveOfChangedFile(t *testing.T) {
	onTwoDisks(t, func(t *testing.T, disk vfs.FS, from, to string) {
		w := newWandering(t, disk, from, to)
		f, err := disk.OpenFile(from+"/album/c", os.O_RDWR, 0)
		must(t, err)
		_, err = f.WriteAt([]byte("other, and longer"), 4990)
		must(t, errors.Join(err, f.Close()))
		want(t, w.move(t.Context(), nil), store.ErrChanged)
		w.nothing(disk, to)
		if !strings.HasSuffix(string(vfstest.Read(t, disk, from+"/album/c")), "other, and longer") {
			t.Error("the user's change is lost")
		}
		if !bytes.Equal(vfstest.Read(t, disk, from+"/album/a"), pattern(0, 0, 100_000)) {
			t.Error("another file was touched")
		}
	})
}

func TestMoveOfMissingFile(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		w := newWandering(t, d, d.Path("from"), d.Path("to"))
		must(t, d.Remove(d.Path("from/album/half.part")))
		want(t, w.move(t.Context(), nil), store.ErrMissing)
		w.nothing(d, d.Path("to"))
		must(t, d.Remove(d.Path("from/album/c")))
		want(t, relocate.New(d, w.obj, w.obj.Name(), w.from, w.to).Stage(t.Context(), w.o, nil), store.ErrMissing)
	})
}

func TestMoveOfShare(t *testing.T) {
	d := vfstest.Memory()
	obj := lone(t, "a", 10)
	o := newStore(d).OpenShared("/disk/a", obj, nil)
	want(t, relocate.New(d, obj, obj.Name(), "/disk", "/to").Stage(t.Context(), o, nil), store.ErrShared)
}

func TestMoveCancelled(t *testing.T) {
	onTwoDisks(t, func(t *testing.T, disk vfs.FS, from, to string) {
		w := newWandering(t, disk, from, to)
		ctx, cancel := context.WithCancel(t.Context())
		if across, err := w.m.Across(); err != nil || !across {
			cancel()
		}
		err := w.move(ctx, func(int64) { cancel() })
		want(t, err, context.Canceled)
		w.whole(disk, from)
		w.nothing(disk, to)
	})
}

func TestMoveToNameOfTheSameFolder(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		w := newWandering(t, d, d.Path("from"), d.Path("link"))
		must(t, d.Symlink(d.Path("from"), d.Path("link")))
		want(t, w.m.Look(), store.ErrExists)
		must(t, w.m.Clean()) // and never takes the files for copies of themselves
		w.whole(d, d.Path("from"))
		must(t, w.o.Close())
	})
}

func TestStagingFolderOfLongName(t *testing.T) {
	d := vfstest.Memory()
	name := strings.Repeat("n", 255)
	obj := lone(t, name, 10)
	o, err := newStore(d).OpenFetched(d.Path("from"), obj, store.FetchOptions{})
	must(t, err)
	put(t, o, 0, 0, 10)
	mustSync(t, o)
	must(t, errors.Join(o.Finish(0), o.Close()))
	m := relocate.New(d, obj, obj.Name(), d.Path("from"), d.Path("to"))
	must(t, errors.Join(m.Look(), m.Begin()))
	must(t, errors.Join(m.Stage(t.Context(), o, nil), m.Publish(), m.Settle(), m.Clean()))
	if !bytes.Equal(vfstest.Read(t, d, d.Path("to/"+name)), pattern(0, 0, 10)) {
		t.Error("wrong bytes")
	}
	if _, err := d.Stat(d.Path("from/" + name)); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
