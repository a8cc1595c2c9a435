package vfstest

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

func moveNoReplace(t *testing.T, d Disk, r vfs.Root) {
	Write(t, d, d.Path("sub/a"), []byte("a"))
	Write(t, d, d.Path("other/deep/taken"), []byte("b"))
	to, err := d.OpenRoot(d.Path("other"))
	must(t, err)
	defer to.Close()
	want(t, r.MoveNoReplace("sub/a", to, "deep/taken"), fs.ErrExist)
	want(t, r.MoveNoReplace("sub/a", to, "none/a"), fs.ErrNotExist)
	want(t, r.MoveNoReplace("sub/none", to, "a"), fs.ErrNotExist)
	must(t, d.Symlink("deep", d.Path("other/link")))
	want(t, r.MoveNoReplace("sub/a", to, "link/a"), vfs.ErrSymlink)
	want(t, r.MoveNoReplace("sub/a", to, "link"), fs.ErrExist)
	before, err := r.Lstat("sub/a")
	must(t, err)
	must(t, r.MoveNoReplace("sub/a", to, "deep/new"))
	after, err := to.Lstat("deep/new")
	must(t, err)
	if !after.Same(before) || after.ModTime != before.ModTime {
		t.Error("moving made another file")
	}
	if Exists(t, d, d.Path("sub/a")) || string(Read(t, d, d.Path("other/deep/new"))) != "a" {
		t.Error("it was not moved")
	}
	must(t, to.MoveNoReplace("deep/new", r, "back"))
	must(t, r.MoveNoReplace("sub", to, "folder"))
	if got := string(Read(t, d, d.Path("back"))) + string(Read(t, d, d.Path("other/deep/taken"))); got != "ab" {
		t.Errorf("%q", got)
	}
}

func modTime(t *testing.T, d Disk, r vfs.Root) {
	Write(t, d, d.Path("a"), []byte("a"))
	old := time.Date(2011, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
	must(t, r.SetModTime("a", old))
	info, err := r.Lstat("a")
	must(t, err)
	if !info.ModTime.Equal(old) {
		t.Error(info.ModTime)
	}
	must(t, d.Symlink("a", d.Path("link")))
	want(t, r.SetModTime("link", old), vfs.ErrNotRegular)
	want(t, r.SetModTime("none", old), fs.ErrNotExist)
}

// Two makes a folder on each of two file systems of this computer; a test is skipped where there is only one.
func Two(t testing.TB) (one, other string) {
	t.Helper()
	one = t.TempDir()
	other, err := os.MkdirTemp("/dev/shm", "potluck-test-")
	if err != nil {
		t.Skip("there is no second file system at /dev/shm")
	}
	t.Cleanup(func() { os.RemoveAll(other) })
	a, err := vfs.OS().Stat(one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := vfs.OS().Stat(other)
	if err != nil {
		t.Fatal(err)
	}
	if a.Device == b.Device {
		t.Skip("the folder for temporary files is on the file system of /dev/shm")
	}
	return one, other
}
