// Package blocking keeps the block lists that a user has named: read at the start, and read again when a file changes. What it
// answers is of the last reading of all files that worked: while a file cannot be read, who was blocked stays blocked.
package blocking

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potluck-p2p/potluck/internal/blocklist"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Every is how often files should be looked at.
const Every = 10 * time.Second

// File is a list and what is in it.
type File struct {
	Path string
	blocklist.Counts
	Err error // why the newest content cannot be read; nil if it was
}

// Lists are the lists of a node. They are safe for concurrent use.
type Lists struct {
	fs      vfs.FS
	current atomic.Pointer[blocklist.List]

	reading sync.Mutex // held while files are looked at
	stamps  []stamp

	mu    sync.Mutex
	files []File
}

// stamp tells one content of a file from another.
type stamp struct {
	size             int64
	inode, device    uint64
	modTime, changed time.Time
}

// Open reads lists. One that cannot be read is a [fault.Error]: whom it names would be let in.
func Open(disk vfs.FS, paths []string) (*Lists, error) {
	l := &Lists{fs: disk, stamps: make([]stamp, len(paths)), files: make([]File, len(paths))}
	for i, path := range paths {
		l.files[i].Path = path
	}
	if _, err := l.Look(); err != nil {
		var broken *brokenError
		errors.As(err, &broken)
		return nil, fault.New(fault.ExitDisk, "block-list", "cannot read the block list "+broken.path+": "+broken.err.Error(),
			"mend it, or take it out of net.block_lists", err)
	}
	return l, nil
}

// brokenError says which list cannot be read.
type brokenError struct {
	path string
	err  error
}

func (e *brokenError) Error() string { return fmt.Sprintf("block list %s: %v", e.path, e.err) }
func (e *brokenError) Unwrap() error { return e.err }

// Blocks reports whether an address is in one of the lists.
func (l *Lists) Blocks(a netip.Addr) bool { return l.current.Load().Blocks(a) }

// Len is how many ranges are blocked in all.
func (l *Lists) Len() int { return l.current.Load().Len() }

// Files describes the lists.
func (l *Lists) Files() []File {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.files)
}

// Look reads all lists again if one of them has changed, and reports whether others are blocked now. The error is that of the
// first list that cannot be read, told once for each content.
func (l *Lists) Look() (changed bool, err error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	files := l.Files()
	stamps := make([]stamp, len(files))
	for i := range files {
		stamps[i] = l.stamp(files[i].Path)
	}
	if slices.Equal(stamps, l.stamps) && l.current.Load() != nil {
		return false, nil
	}
	l.stamps = stamps
	var builder blocklist.Builder
	for i := range files {
		f := &files[i]
		var n blocklist.Counts
		if n, f.Err = l.read(f.Path, &builder); f.Err != nil {
			err = errors.Join(err, &brokenError{f.Path, f.Err})
		} else {
			f.Counts = n
		}
	}
	if err == nil {
		l.current.Store(builder.List())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = files
	return err == nil, err
}

// stamp is the zero value for a file that is not there.
func (l *Lists) stamp(path string) stamp {
	info, err := l.fs.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size, info.Inode, info.Device, info.ModTime, info.Changed}
}

func (l *Lists) read(path string, to *blocklist.Builder) (blocklist.Counts, error) {
	f, err := l.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		var where *fs.PathError
		if errors.As(err, &where) {
			err = where.Err // the path is told beside it
		}
		return blocklist.Counts{}, err
	}
	defer f.Close()
	return to.Read(io.NewSectionReader(f, 0, math.MaxInt64))
}
