package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A file is described alike by its name and by its descriptor, whatever it is.
func TestBeneathDescribesAlike(t *testing.T) {
	if !walksBeneath() {
		t.Skip("openat2(2) is missing, or forbidden")
	}
	dir := t.TempDir()
	for name, perm := range map[string]fs.FileMode{"plain": 0o640, "setuid": 0o755 | fs.ModeSetuid, "setgid": 0o755 | fs.ModeSetgid, "sticky": 0o600 | fs.ModeSticky} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(name, nil, 0o666), os.Chmod(name, perm)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		os.Mkdir(filepath.Join(dir, "folder"), 0o755), os.Symlink("plain", filepath.Join(dir, "link")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Symlink("/dev/null", filepath.Join(dir, "device")),
	)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{dir, "/dev"} {
		root, err := openRoot(r)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		names := []string{"null"}
		if r == dir {
			names = nil
			for _, e := range list {
				names = append(names, e.Name())
			}
		}
		for _, name := range names {
			fi, err := os.Lstat(filepath.Join(r, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := root.Lstat(name); err != nil || got != infoOf(fi) {
				t.Errorf("%s: %+v, %v, want %+v", name, got, err, infoOf(fi))
			}
		}
	}
}

// Where renameat2 knows no RENAME_NOREPLACE, two links must do.
func TestBeneathRenameByLink(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "taken"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := renameByLink(fd, "a", fd, "taken"); err != unix.EEXIST {
		t.Error(err)
	}
	if err := renameByLink(fd, "none", fd, "b"); err != unix.ENOENT {
		t.Error(err)
	}
	if err := renameByLink(fd, "a", fd, "b"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "b")); string(b) != "a" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the old name is left")
	}
}
