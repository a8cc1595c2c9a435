//go:build !linux && !darwin && !windows

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openFlags keep the open of a pipe that took a file's place from waiting for a writer.
const openFlags = syscall.O_NONBLOCK

func isFullHere(error) bool { return false }

func isOtherDiskHere(error) bool { return false }

func infoOf(fi fs.FileInfo) Info {
	return Info{Size: fi.Size(), Mode: fi.Mode(), ModTime: fi.ModTime()}
}

func datasync(f *os.File) error { return f.Sync() }

func syncDir(d *os.File) error { return d.Sync() }

func syncFileSystem(*os.File) error { return errors.ErrUnsupported }

func dropCache(*os.File) error { return nil }

func readAhead(*os.File, int64, int64) {}

func freeBytes(string) (int64, error) { return 0, errors.ErrUnsupported }

func openRoot(dir string) (Root, error) { return openPortably(dir) }
