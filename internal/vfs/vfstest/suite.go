package vfstest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Run tests that a file system keeps what package vfs promises. Each test gets a new disk.
func Run(t *testing.T, disk func(t *testing.T) Disk) {
	tests := []struct {
		name string
		run  func(t *testing.T, d Disk, r vfs.Root)
	}{
		{"read and write", readWrite},
		{"sparse", sparse},
		{"exclusive", exclusive},
		{"rename takes no name away", renameNoReplace},
		{"rename takes the place of another", renameOver},
		{"move between folders", moveNoReplace},
		{"modification time", modTime},
		{"links are not followed", noLinks},
		{"links the user named are", userLinks},
		{"no way out", noWayOut},
		{"names that are not UTF-8", rawNames},
		{"only regular files", onlyRegular},
		{"folders", folders},
		{"identity", identity},
		{"sync", syncing},
		{"after close", afterClose},
		{"open file survives its name", unlinked},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := disk(t)
			r, err := d.OpenRoot(d.Dir)
			if err != nil {
				t.Fatal(err)
			}
			test.run(t, d, r)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want %v", err, kind)
	}
}

const create = os.O_RDWR | os.O_CREATE | os.O_EXCL

func open(t *testing.T, r vfs.Root, name string, flag int) vfs.File {
	t.Helper()
	f, err := r.OpenFile(name, flag, 0o666)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func readWrite(t *testing.T, d Disk, r vfs.Root) {
	f := open(t, r, "a", create)
	if n, err := f.WriteAt([]byte("hello"), 3); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	p := make([]byte, 10)
	if n, err := f.ReadAt(p, 0); n != 8 || !errors.Is(err, io.EOF) || string(p[:n]) != "\x00\x00\x00hello" {
		t.Fatalf("%d %v %q", n, err, p[:n])
	}
	if n, err := f.ReadAt(p[:2], 8); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatal(n, err)
	}
	if n, err := f.ReadAt(p[:5], 3); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	ro := open(t, r, "a", os.O_RDONLY)
	if _, err := ro.WriteAt([]byte("x"), 0); err == nil {
		t.Error("wrote to a file opened to be read")
	}
	if got := Read(t, d, d.Path("a")); string(got) != "\x00\x00\x00hello" {
		t.Errorf("%q", got)
	}
}

func sparse(t *testing.T, d Disk, r vfs.Root) {
	f := open(t, r, "a", create)
	must(t, f.Truncate(100_000))
	_, err := f.WriteAt([]byte{1}, 50_000)
	must(t, err)
	must(t, f.Truncate(50_001))
	must(t, f.Truncate(60_000))
	p := make([]byte, 60_000)
	_, err = f.ReadAt(p, 0)
	must(t, err)
	wanted := make([]byte, 60_000)
	wanted[50_000] = 1
	if !bytes.Equal(p, wanted) {
		t.Error("holes are not zero")
	}
	info, err := f.Stat()
	must(t, err)
	if info.Size != 60_000 {
		t.Error(info.Size)
	}
}

func exclusive(t *testing.T, d Disk, r vfs.Root) {
	open(t, r, "a", create)
	_, err := r.OpenFile("a", create, 0o666)
	want(t, err, fs.ErrExist)
	_, err = r.OpenFile("none", os.O_RDWR, 0)
	want(t, err, fs.ErrNotExist)
	_, err = r.OpenFile("none/none", create, 0o666)
	want(t, err, fs.ErrNotExist)
	must(t, d.Symlink("nowhere", d.Path("dangling")))
	_, err = r.OpenFile("dangling", create, 0o666)
	want(t, err, fs.ErrExist)
	if Exists(t, d, d.Path("nowhere")) {
		t.Error("a file was made through a dangling link")
	}
}

func renameNoReplace(t *testing.T, d Disk, r vfs.Root) {
	Write(t, d, d.Path("a"), []byte("a"))
	Write(t, d, d.Path("sub/b"), []byte("b"))
	want(t, r.RenameNoReplace("a", "sub/b"), fs.ErrExist)
	want(t, r.RenameNoReplace("a", "sub"), fs.ErrExist)
	want(t, r.RenameNoReplace("none", "x"), fs.ErrNotExist)
	if got := string(Read(t, d, d.Path("sub/b"))); got != "b" {
		t.Errorf("replaced by %q", got)
	}
	must(t, d.Symlink("nowhere", d.Path("dangling")))
	want(t, r.RenameNoReplace("a", "dangling"), fs.ErrExist)
	must(t, r.RenameNoReplace("a", "c"))
	must(t, r.RenameNoReplace("c", "sub/c"))
	if got := string(Read(t, d, d.Path("sub/c"))); got != "a" || Exists(t, d, d.Path("a")) || Exists(t, d, d.Path("c")) {
		t.Errorf("%q", got)
	}
}

func renameOver(t *testing.T, d Disk, r vfs.Root) {
	Write(t, d, d.Path("a"), []byte("a"))
	Write(t, d, d.Path("sub/b"), []byte("b"))
	want(t, r.RenameOver("none", "a"), fs.ErrNotExist)
	must(t, r.RenameOver("a", "sub/b"))
	must(t, r.RenameOver("sub/b", "c"))
	must(t, d.Symlink("sub", d.Path("folder")))
	want(t, r.RenameOver("c", "folder/c"), vfs.ErrSymlink)
	if got := string(Read(t, d, d.Path("c"))); got != "a" || Exists(t, d, d.Path("a")) || Exists(t, d, d.Path("sub/b")) {
		t.Errorf("%q", got)
	}
}

func noLinks(t *testing.T, d Disk, r vfs.Root) {
	Write(t, d, d.Path("real/file"), []byte("x"))
	must(t, d.Symlink("real", d.Path("folder")))
	must(t, d.Symlink("real/file", d.Path("link")))
	for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
		_, err := r.OpenFile("link", flag, 0o666)
		want(t, err, vfs.ErrSymlink)
		_, err = r.OpenFile("folder/file", flag, 0o666)
		want(t, err, vfs.ErrSymlink)
	}
	_, err := r.OpenFile("folder/new", create, 0o666)
	want(t, err, vfs.ErrSymlink)
	want(t, r.Mkdir("folder/new"), vfs.ErrSymlink)
	want(t, r.Remove("folder/file"), vfs.ErrSymlink)
	want(t, r.RenameNoReplace("folder/file", "new"), vfs.ErrSymlink)
	want(t, r.RenameNoReplace("real/file", "folder/new"), vfs.ErrSymlink)
	want(t, r.SyncDir("folder"), vfs.ErrSymlink)
	_, err = r.OpenFolder("folder")
	want(t, err, vfs.ErrSymlink)
	_, err = r.ReadDir("folder")
	want(t, err, vfs.ErrSymlink)
	_, err = r.Lstat("folder/file")
	want(t, err, vfs.ErrSymlink)
	info, err := r.Lstat("link")
	must(t, err)
	if info.Mode&fs.ModeSymlink == 0 {
		t.Error(info.Mode)
	}
}

func userLinks(t *testing.T, d Disk, _ vfs.Root) {
	Write(t, d, d.Path("real/file"), []byte("x"))
	must(t, d.Symlink("real", d.Path("folder")))
	must(t, d.Symlink(d.Path("folder/file"), d.Path("link")))
	if got := string(Read(t, d, d.Path("link"))); got != "x" {
		t.Errorf("%q", got)
	}
	info, err := d.Stat(d.Path("link"))
	must(t, err)
	if !info.Mode.IsRegular() || info.Size != 1 {
		t.Error(info)
	}
	r, err := d.OpenRoot(d.Path("folder"))
	must(t, err)
	defer r.Close()
	_, err = r.Lstat("file")
	must(t, err)
	must(t, d.MkdirAll(d.Path("folder/new")))
}

func noWayOut(t *testing.T, d Disk, _ vfs.Root) {
	Write(t, d, d.Path("outside"), []byte("x"))
	must(t, d.MkdirAll(d.Path("in")))
	r, err := d.OpenRoot(d.Path("in"))
	must(t, err)
	defer r.Close()
	for _, name := range []string{"../outside", "..", d.Path("outside"), "x/../../outside", "x/../..", "", "\x00"} {
		if _, err := r.OpenFile(name, os.O_RDWR, 0); err == nil {
			t.Errorf("opened %q", name)
		}
		if _, err := r.Lstat(name); err == nil {
			t.Errorf("described %q", name)
		}
		if err := r.Mkdir(name); err == nil {
			t.Errorf("made %q", name)
		}
		if err := r.Remove(name); err == nil {
			t.Errorf("removed %q", name)
		}
	}
}

func rawNames(t *testing.T, d Disk, r vfs.Root) {
	if runtime.GOOS == "windows" {
		t.Skip("names are UTF-16 here")
	}
	const folder, name = "caf\xe9", "caf\xe9/\xff"
	if err := r.Mkdir(folder); errors.Is(err, syscall.EILSEQ) {
		t.Skip("the disk has only names that are UTF-8")
	} else if err != nil {
		t.Fatal(err)
	}
	f := open(t, r, name, create)
	_, err := f.WriteAt([]byte("x"), 0)
	must(t, err)
	list, err := r.ReadDir(folder)
	must(t, err)
	if len(list) != 1 || path.Join(folder, list[0].Name) != name {
		t.Fatalf("%q", list)
	}
	info, err := r.Lstat(name)
	must(t, err)
	if info.Size != 1 {
		t.Error(info.Size)
	}
	open(t, r, name, os.O_RDWR)
	below, err := r.OpenFolder(folder)
	must(t, err)
	open(t, below, "\xff", os.O_RDONLY)
	must(t, below.MoveNoReplace("\xff", r, "\xfe"))
	must(t, below.Close())
	must(t, r.SyncDir(folder))
	must(t, r.RenameNoReplace("\xfe", name))
	must(t, r.Remove(name))
	must(t, r.Remove(folder))
}

func onlyRegular(t *testing.T, d Disk, r vfs.Root) {
	must(t, d.MkdirAll(d.Path("folder")))
	must(t, d.Mkfifo(d.Path("pipe")))
	for _, name := range []string{"folder", "pipe"} {
		_, err := r.OpenFile(name, os.O_RDONLY, 0)
		want(t, err, vfs.ErrNotRegular)
		_, err = d.OpenFile(d.Path(name), os.O_RDONLY, 0)
		want(t, err, vfs.ErrNotRegular)
	}
}

func folders(t *testing.T, d Disk, r vfs.Root) {
	must(t, r.Mkdir("a"))
	want(t, r.Mkdir("a"), fs.ErrExist)
	want(t, r.Mkdir("none/a"), fs.ErrNotExist)
	for _, name := range []string{"a/b", "a/.hidden", "a/C", "a/b-", "a/ö"} {
		Write(t, d, d.Path(name), nil)
	}
	must(t, r.Mkdir("a/d"))
	list, err := r.ReadDir("a")
	must(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name)
		if e.Mode.IsDir() != (e.Name == "d") {
			t.Error(e)
		}
	}
	if wanted := []string{".hidden", "C", "b", "b-", "d", "ö"}; !slices.Equal(names, wanted) {
		t.Errorf("got %q, want %q", names, wanted)
	}
	if err := r.Remove("a"); err == nil {
		t.Error("removed a folder with files in it")
	}
	below, err := r.OpenFolder("a")
	must(t, err)
	must(t, below.RenameNoReplace("C", "c"))
	want(t, below.Mkdir("d"), fs.ErrExist)
	if _, err := below.Lstat("../a/c"); err == nil {
		t.Error("a folder's name leads out of it")
	}
	must(t, d.Rename(d.Path("a"), d.Path("elsewhere")))
	_, err = below.Lstat("c")
	must(t, err)
	must(t, below.Close())
	must(t, d.Rename(d.Path("elsewhere"), d.Path("a")))
	must(t, r.RenameNoReplace("a/c", "a/C"))
	_, err = r.OpenFolder("none")
	want(t, err, fs.ErrNotExist)
	if _, err := r.OpenFolder("a/b"); err == nil {
		t.Error("a file was opened as a folder")
	}
	must(t, r.Remove("a/d"))
	must(t, r.Remove("a/b"))
	want(t, r.Remove("a/b"), fs.ErrNotExist)
	_, err = r.ReadDir("none")
	want(t, err, fs.ErrNotExist)
	must(t, d.MkdirAll(d.Path("x/y/z")))
	must(t, d.MkdirAll(d.Path("x/y/z")))
	if err := d.MkdirAll(d.Path("a/C/z")); err == nil {
		t.Error("made a folder below a file")
	}
	if free, err := d.Free(d.Dir); err != nil || free <= 0 {
		t.Error(free, err)
	}
}

func identity(t *testing.T, d Disk, r vfs.Root) {
	Write(t, d, d.Path("a"), []byte("x"))
	Write(t, d, d.Path("b"), []byte("x"))
	before, err := r.Lstat("a")
	must(t, err)
	f := open(t, r, "a", os.O_RDONLY)
	opened, err := f.Stat()
	must(t, err)
	named, err := d.Stat(d.Path("a"))
	must(t, err)
	if before != opened || before != named {
		t.Errorf("three ways to describe a file: %v %v %v", before, opened, named)
	}
	if !before.Same(opened) {
		t.Error("not the same")
	}
	other, err := r.Lstat("b")
	must(t, err)
	if before.Same(other) {
		t.Error("two files are the same")
	}
	must(t, r.RenameNoReplace("a", "c"))
	after, err := r.Lstat("c")
	must(t, err)
	if !after.Same(before) || after.ModTime != before.ModTime {
		t.Error("renaming made another file")
	}
}

func syncing(t *testing.T, d Disk, r vfs.Root) {
	must(t, r.Mkdir("a"))
	f := open(t, r, "a/b", create)
	_, err := f.WriteAt(make([]byte, 10_000), 0)
	must(t, err)
	must(t, f.Datasync())
	must(t, f.DropCache())
	f.Ahead(0, 20_000) // beyond the end, and no more than a hint
	must(t, r.SyncDir("a"))
	must(t, r.SyncDir("."))
	if err := r.SyncAll(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := r.SyncDir("a/b"); err == nil {
		t.Error("a file was synced as a folder")
	}
	want(t, r.SyncDir("none"), fs.ErrNotExist)
}

func afterClose(t *testing.T, d Disk, _ vfs.Root) {
	r, err := d.OpenRoot(d.Dir)
	must(t, err)
	f := open(t, r, "a", create)
	must(t, r.Close())
	_, err = f.WriteAt([]byte("x"), 0)
	must(t, err)
	must(t, f.Close())
	_, err = f.WriteAt([]byte("x"), 0)
	want(t, err, fs.ErrClosed)
	_, err = f.ReadAt(make([]byte, 1), 0)
	want(t, err, fs.ErrClosed)
	if _, err := r.Lstat("a"); err == nil {
		t.Error("a closed root answers")
	}
	if _, err := d.OpenRoot(d.Path("a")); err == nil {
		t.Error("opened a file as a root")
	}
	_, err = d.OpenRoot(d.Path("none"))
	want(t, err, fs.ErrNotExist)
}

func unlinked(t *testing.T, d Disk, r vfs.Root) {
	Write(t, d, d.Path("a"), []byte("old"))
	f := open(t, r, "a", os.O_RDONLY)
	Write(t, d, d.Path("b"), []byte("new"))
	must(t, d.Rename(d.Path("b"), d.Path("a")))
	p := make([]byte, 3)
	_, err := f.ReadAt(p, 0)
	must(t, err)
	if string(p) != "old" {
		t.Errorf("%q", p)
	}
	opened, err := f.Stat()
	must(t, err)
	named, err := r.Lstat("a")
	must(t, err)
	if opened.Same(named) {
		t.Error("a replaced file is the same")
	}
}
