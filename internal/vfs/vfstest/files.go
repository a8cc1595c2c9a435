// Package vfstest holds the conformance suite that every file system of package vfs passes, and helpers for tests that
// work on one.
package vfstest

import (
	"errors"
	"io"
	"os"
	"path"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Disk is a file system under test, and an empty folder on it. The functions do what a user may do behind the back
// of whoever uses the file system.
type Disk struct {
	vfs.FS
	Dir     string
	Symlink func(target, name string) error
	Mkfifo  func(name string) error
	// Backdate sets the modification time far back, so that the next change moves it however coarse the clock is.
	Backdate func(name string) error
	Rename   func(oldName, newName string) error // replaces what is there
	Remove   func(name string) error             // with all below; no error if there is nothing
	Chmod    func(name string, perm os.FileMode) error
}

// Memory is a disk in memory.
func Memory() Disk {
	m := vfs.NewMem()
	if err := m.MkdirAll("/disk"); err != nil {
		panic(err)
	}
	return Disk{
		FS: m, Dir: "/disk",
		Symlink: m.Symlink, Mkfifo: m.Mkfifo, Backdate: m.Backdate, Rename: m.Rename, Remove: m.Remove, Chmod: m.Chmod,
	}
}

// System is the computer's own disk, with a new folder. Without mkfifo, a test that needs a pipe is skipped.
func System(t testing.TB) Disk {
	return Disk{
		FS: vfs.OS(), Dir: t.TempDir(),
		Symlink: os.Symlink, Rename: os.Rename, Remove: os.RemoveAll, Chmod: os.Chmod,
		Mkfifo: func(name string) error { return mkfifo(t, name) },
		Backdate: func(name string) error {
			old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
			return os.Chtimes(name, old, old)
		},
	}
}

// Path is a name in the disk's folder.
func (d Disk) Path(name string) string { return path.Join(d.Dir, name) }

// Write makes or replaces a file, and the folders above it.
func Write(t testing.TB, fsys vfs.FS, name string, data []byte) {
	t.Helper()
	if err := fsys.MkdirAll(path.Dir(name)); err != nil {
		t.Fatal(err)
	}
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(data, 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Read is what is in a file.
func Read(t testing.TB, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, info.Size)
	_, err = f.ReadAt(data, 0)
	if errors.Is(err, io.EOF) && len(data) == 0 {
		err = nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return data
}

// Exists reports whether there is anything under a name.
func Exists(t testing.TB, fsys vfs.FS, name string) bool {
	t.Helper()
	r, err := fsys.OpenRoot(path.Dir(name))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = r.Lstat(path.Base(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}
