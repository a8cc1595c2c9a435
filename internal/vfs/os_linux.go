package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openFlags keep the open of a pipe that took a file's place from waiting for a writer.
const openFlags = unix.O_NONBLOCK

func isFullHere(error) bool { return false }

func isOtherDiskHere(error) bool { return false }

func infoOf(fi fs.FileInfo) Info {
	i := Info{Size: fi.Size(), Mode: fi.Mode(), ModTime: fi.ModTime()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		i.Changed = time.Unix(st.Ctim.Unix())
		i.Inode, i.Device = st.Ino, uint64(st.Dev)
	}
	return i
}

func datasync(f *os.File) error {
	return withFD(f, "fdatasync", func(fd uintptr) error { return unix.Fdatasync(int(fd)) })
}

func syncDir(d *os.File) error { return d.Sync() }

// syncFileSystem is syncfs(2), where it can be trusted. Before Linux 5.8 it said nothing of writes that failed, and
// a file system in user space hears nothing of it, so its server may keep the bytes in memory.
func syncFileSystem(d *os.File) error {
	if !syncfsReports() {
		return errors.ErrUnsupported
	}
	var st unix.Statfs_t
	err := withFD(d, "fstatfs", func(fd uintptr) error { return unix.Fstatfs(int(fd), &st) })
	if err != nil {
		return err
	}
	if st.Type == unix.FUSE_SUPER_MAGIC {
		return errors.ErrUnsupported
	}
	return withFD(d, "syncfs", func(fd uintptr) error { return unix.Syncfs(int(fd)) })
}

// syncfsReports is whether the kernel is Linux 5.8 or later.
var syncfsReports = sync.OnceValue(func() bool {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 5 || major == 5 && minor >= 8
})

func dropCache(f *os.File) error {
	return withFD(f, "fadvise", func(fd uintptr) error { return unix.Fadvise(int(fd), 0, 0, unix.FADV_DONTNEED) })
}

func readAhead(f *os.File, off, n int64) {
	_ = withFD(f, "fadvise", func(fd uintptr) error { return unix.Fadvise(int(fd), off, n, unix.FADV_WILLNEED) })
}

func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, pathError("statfs", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}
