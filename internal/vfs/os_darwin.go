package vfs

import (
	"errors"
	"io/fs"
	"os"
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
		i.Changed = time.Unix(st.Ctimespec.Unix())
		i.Inode, i.Device = st.Ino, uint64(st.Dev)
	}
	return i
}

// datasync is os.File.Sync, which is F_FULLFSYNC here: fsync(2) alone leaves the bytes in the drive's cache.
func datasync(f *os.File) error { return f.Sync() }

func syncDir(d *os.File) error { return d.Sync() }

func syncFileSystem(*os.File) error { return errors.ErrUnsupported }

func dropCache(*os.File) error { return nil }

func readAhead(*os.File, int64, int64) {}

func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, pathError("statfs", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

func openRoot(dir string) (Root, error) { return openPortably(dir) }
