package store_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func paths(o content.Object) []string {
	var list []string
	for _, f := range o.Files() {
		list = append(list, f.Path.String())
	}
	return list
}

func TestAdoptFolder(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		for _, name := range []string{"a/z", "a.b", "a-", "B", ".hidden", "a/.h/x", "empty", "c"} {
			vfstest.Write(t, d, d.Path("album/"+name), []byte(strings.TrimPrefix(name, "empty")))
		}
		must(t, d.MkdirAll(d.Path("album/nothing")))
		must(t, d.Symlink("c", d.Path("album/link")))
		must(t, d.Symlink("a", d.Path("album/linked folder")))
		must(t, d.Mkfifo(d.Path("album/pipe")))
		var notes []string
		s := newStore(d)
		o, ids, err := s.Adopt(d.Path("album"), store.AdoptOptions{Note: func(path, why string) {
			notes = append(notes, strings.TrimPrefix(path, d.Dir)+": "+why)
		}})
		must(t, err)
		// Folder by folder, as a file tree sorts: "a" with what is in it comes before "a-" and "a.b".
		wanted := []string{".hidden", "B", "a/.h/x", "a/z", "a-", "a.b", "c", "empty"}
		if got := paths(o); !slices.Equal(got, wanted) {
			t.Errorf("got %q, want %q", got, wanted)
		}
		if o.Name().String() != "album" || !o.IsDir() || len(ids) != len(wanted) {
			t.Error(o, ids)
		}
		wanted = []string{
			"/album/link: skipped: a symbolic link", "/album/linked folder: skipped: a symbolic link",
			"/album/pipe: skipped: not a regular file",
		}
		if !slices.Equal(notes, wanted) {
			t.Errorf("got notes %q", notes)
		}
		shared := s.OpenShared(d.Path("album"), o, ids)
		defer shared.Close()
		must(t, shared.Check())
		p := make([]byte, 3)
		must(t, shared.ReadAt(p, 3, 0))
		if string(p) != "a/z" || shared.Path() != d.Path("album") {
			t.Errorf("%q", p)
		}
	})
}

func TestAdoptLoneFileAndNames(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		s := newStore(d)
		vfstest.Write(t, d, d.Path("real/a.txt"), []byte("hello"))
		must(t, d.Symlink("real/a.txt", d.Path("link.txt")))
		must(t, d.Symlink("real", d.Path("links")))
		o, ids, err := s.Adopt(d.Path("link.txt"), store.AdoptOptions{})
		must(t, err)
		if o.IsDir() || o.Name().String() != "link.txt" || o.Size() != 5 {
			t.Error(o)
		}
		shared := s.OpenShared(d.Path("link.txt"), o, ids)
		defer shared.Close()
		p := make([]byte, 5)
		must(t, shared.ReadAt(p, 0, 0))
		must(t, shared.Check())
		if string(p) != "hello" {
			t.Errorf("%q", p)
		}
		o, _, err = s.Adopt(d.Path("links/"), store.AdoptOptions{Name: "my files"})
		must(t, err)
		if got := paths(o); o.Name().String() != "my files" || !slices.Equal(got, []string{"a.txt"}) {
			t.Error(o.Name(), got)
		}
		_, _, err = s.Adopt(d.Path("none"), store.AdoptOptions{})
		want(t, err, store.ErrMissing)
		must(t, d.MkdirAll(d.Path("empty")))
		_, _, err = s.Adopt(d.Path("empty"), store.AdoptOptions{})
		want(t, err, store.ErrNothing)
		if _, _, err = s.Adopt("real", store.AdoptOptions{}); err == nil {
			t.Error("a relative path was adopted")
		}
		must(t, d.Mkfifo(d.Path("pipe")))
		_, _, err = s.Adopt(d.Path("pipe"), store.AdoptOptions{})
		wantDisk(t, err)
	})
}

// On most disks of Linux a name is any bytes. They are changed for others, but read under their own.
func TestAdoptNamesThatAreNotUTF8(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		if err := d.MkdirAll(d.Path("album/b\xfccher")); errors.Is(err, syscall.EILSEQ) || runtime.GOOS == "windows" {
			t.Skip("the disk has only names that are Unicode")
		} else if err != nil {
			t.Fatal(err)
		}
		names := []string{"b\xfccher/caf\xe9.txt", "na\xefve"}
		for _, name := range names {
			vfstest.Write(t, d, d.Path("album/"+name), []byte(name))
		}
		s := newStore(d)
		o, ids, err := s.Adopt(d.Path("album"), store.AdoptOptions{})
		must(t, err)
		shared := s.OpenShared(d.Path("album"), o, ids)
		defer shared.Close()
		must(t, shared.Check())
		for i, f := range o.Files() {
			p := make([]byte, f.Size)
			must(t, shared.ReadAt(p, i, 0))
			if string(p) != names[i] || ids[i].Name != names[i] || !utf8.ValidString(f.Path.String()) {
				t.Errorf("file %d, %q, reads %q", i, f.Path, p)
			}
		}
	})
}

// Names that are not safe everywhere are changed for others, but read under their own.
func TestAdoptUnsafeNames(t *testing.T) {
	d := vfstest.Memory()
	names := []string{"CON.txt", "README", "readme", "tab\there"}
	for _, name := range names {
		vfstest.Write(t, d, d.Path("album/"+name), []byte(name))
	}
	s := newStore(d)
	o, ids, err := s.Adopt(d.Path("album"), store.AdoptOptions{})
	must(t, err)
	shared := s.OpenShared(d.Path("album"), o, ids)
	defer shared.Close()
	for i, f := range o.Files() {
		p := make([]byte, f.Size)
		must(t, shared.ReadAt(p, i, 0))
		if string(p) != names[i] || ids[i].Name != names[i] {
			t.Errorf("file %d, %q, reads %q", i, f.Path, p)
		}
		if i != 1 && f.Path.String() == names[i] {
			t.Errorf("%q was left unsafe", f.Path)
		}
	}
}

func TestAdoptUnreadable(t *testing.T) {
	d := vfstest.Memory()
	vfstest.Write(t, d, d.Path("album/a"), []byte("a"))
	vfstest.Write(t, d, d.Path("album/sub/b"), []byte("b"))
	s := newStore(d)
	for _, name := range []string{"album/a", "album/sub", "album/sub/b", "album"} {
		must(t, d.Chmod(d.Path(name), 0))
		_, _, err := s.Adopt(d.Path("album"), store.AdoptOptions{})
		if disk := wantDisk(t, err); !disk.ReadOnly() || disk.Path != d.Path(name) {
			t.Errorf("%s: %v", name, disk)
		}
		must(t, d.Chmod(d.Path(name), 0o777))
	}
}
