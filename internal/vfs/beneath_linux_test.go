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

// Opening a pipe would let whoever waits to write to it go on, and opening a device may make it act.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, pipe, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	opened := func() bool {
		n, err := unix.Read(watch, make([]byte, 4096))
		if err != nil && err != unix.EAGAIN {
			t.Fatal(err)
		}
		return n > 0
	}
	for _, open := range []func(string) (Root, error){openRoot, openPortably} {
		root, err := open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
			if _, err := root.OpenFile("pipe", flag, 0o666); !errors.Is(err, ErrNotRegular) || opened() {
				t.Errorf("%T, flag %#x: %v, or the pipe was opened", root, flag, err)
			}
		}
	}
	fd, err := unix.Open(pipe, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if !opened() {
		t.Skip("the kernel tells nobody that a pipe is opened")
	}
}

// A walk that leaves its folder has not met another disk: then a move would copy.
func TestBeneathLeadsOut(t *testing.T) {
	if !walksBeneath() {
		t.Skip("openat2(2) is missing, or forbidden")
	}
	root, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"..", "/"} { // the kernel's own judgement, without that of staysInside before it
		if _, err := openat2(int(root.Fd()), name, folderOnly, 0); err != errLeadsOut {
			t.Errorf("%q: %v", name, err)
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
