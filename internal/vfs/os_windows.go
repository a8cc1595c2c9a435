package vfs

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

const openFlags = 0

func isFullHere(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func isOtherDiskHere(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

func infoOf(fi fs.FileInfo) Info {
	return Info{Size: fi.Size(), Mode: fi.Mode(), ModTime: fi.ModTime()}
}

func datasync(f *os.File) error { return f.Sync() }

// syncDir does nothing: folders cannot be flushed here, and NTFS journals its names.
func syncDir(*os.File) error { return nil }

func syncFileSystem(*os.File) error { return errors.ErrUnsupported }

func dropCache(*os.File) error { return nil }

func readAhead(*os.File, int64, int64) {}

func freeBytes(dir string) (int64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, pathError("free", dir, err)
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, pathError("free", dir, err)
	}
	return int64(min(free, 1<<62)), nil
}

func openRoot(dir string) (Root, error) { return openPortably(dir) }
