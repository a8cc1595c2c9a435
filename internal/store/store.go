// Package store keeps the bytes of objects in ordinary files: those the user has, shared where they lie and never
// written to, and those being fetched, written once to their final folder. It knows files and extents, and neither
// digests nor networks nor the catalog.
//
// A fetched file goes through these states, and the caller drives it with four calls:
//
//	Absent --WriteAt--> Partial (NAME.part) --Finish--> Whole (NAME)
//	           Verified: these bytes are right  |
//	           Sync: they are on the disk ------+ and may be recorded
//
// Bytes of files that were not selected go to one side file in the state folder. Whatever is Whole has an [Identity];
// bytes are read from it only as long as the file on disk is still that one.
package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Options are the limits of a store.
type Options struct {
	Handles int              // how many files are kept open; 512 if zero
	Now     func() time.Time // the clock; required
}

// Store opens objects that share one bounded set of open files. It is safe for concurrent use.
type Store struct {
	fs    vfs.FS
	now   func() time.Time
	cache *cache
}

// New makes a store on a file system.
func New(fsys vfs.FS, opt Options) *Store {
	if opt.Handles <= 0 {
		opt.Handles = 512
	}
	return &Store{fs: fsys, now: opt.Now, cache: &cache{limit: opt.Handles}}
}

// Free is how many bytes may still be written below dir, which need not exist yet. [errors.ErrUnsupported] where the
// system does not tell.
func (s *Store) Free(dir string) (int64, error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		_, err := s.fs.Stat(d)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(d) != d {
			continue
		}
		if err != nil {
			return 0, ErrorOf("stat", d, err)
		}
		free, err := s.fs.Free(d)
		if err != nil {
			return 0, ErrorOf("free", d, err)
		}
		return free, nil
	}
}
