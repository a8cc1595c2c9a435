package local

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
)

// Doubts are what is found wrong of an object on the disk.
type Doubts struct {
	files  map[int]bool // not the files that they were, or gone
	pieces []int        // with bytes that are not right, of other files
}

// None reports whether nothing is wrong.
func (d Doubts) None() bool { return len(d.files)+len(d.pieces) == 0 }

// Rehash looks for what is held to be right of a fetched object and is not. Progress is told of bytes that are hashed; it may
// be nil. Shares are read with [Object.Reread].
func (b *Object) Rehash(ctx context.Context, have content.Bitmap, progress func(done, total int64)) (Doubts, error) {
	d := Doubts{files: make(map[int]bool)}
	for i := range b.Object.Files() {
		err := b.Files.CheckFile(i)
		switch {
		case err == nil:
		case errors.Is(err, store.ErrChanged), errors.Is(err, store.ErrMissing):
			d.files[i] = true
		default:
			return d, err
		}
	}
	sure := func(piece int) bool {
		for f := range b.Layout.Touches(piece) {
			if d.files[f] {
				return false
			}
		}
		return true
	}
	var err error
	d.pieces, err = b.findWrong(ctx, func(yield func(int) bool) {
		for i := range have.All() {
			if sure(i) && !yield(i) {
				return
			}
		}
	}, progress)
	return d, err
}

// findWrong hashes pieces, and returns those whose bytes are not right.
func (b *Object) findWrong(ctx context.Context, pieces iter.Seq[int], progress func(done, total int64)) (wrong []int, err error) {
	var total, done int64
	for i := range pieces {
		total += int64(b.Layout.Need(i))
	}
	err = b.verifyAll(ctx, pieces, func(piece int, ok bool) {
		done += int64(b.Layout.Need(piece))
		if progress != nil {
			progress(done, total)
		}
		if !ok {
			wrong = append(wrong, piece)
		}
	})
	return wrong, err
}

// Forget records that what is in doubt is not known to be right, takes the final names from files that have to be written
// to again, and closes all files.
func (b *Object) Forget(ctx context.Context, d Doubts) error {
	verified, err := b.disk.Catalog.Verified(ctx, b.id)
	var broken *catalog.RecordError
	if errors.As(err, &broken) {
		verified, err = make([]content.Ranges, len(b.Object.Files())), nil
	}
	if err != nil {
		return err
	}
	for f := range d.files {
		verified[f] = content.Ranges{}
	}
	open := maps.Clone(d.files)
	for _, piece := range d.pieces {
		for _, e := range b.Layout.Extents(piece) {
			verified[e.File].Remove(e.Offset, e.End())
			open[e.File] = true
		}
	}
	// The names first: a file that is called unfinished and has its final name would be somebody else's.
	b.Files.Close()
	if err := b.unname(open); err != nil {
		return err
	}
	none := make(map[int]catalog.Identity)
	for f := range open {
		none[f] = catalog.Identity{}
	}
	if err := b.disk.Catalog.SetFinished(ctx, b.id, none); err != nil {
		return err
	}
	return b.disk.Catalog.ReplaceVerified(ctx, b.id, verified)
}

// unname makes finished files unfinished ones. What else may lie under their names by now stays.
func (b *Object) unname(files map[int]bool) error {
	root, err := b.disk.FS.OpenRoot(filepath.Dir(b.Files.Path()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	for f := range files {
		if b.Files.State(f) != store.Whole {
			continue
		}
		final, part := b.names(f)
		if info, err := root.Lstat(final); err != nil || !info.Mode.IsRegular() {
			continue
		}
		if err := root.RenameNoReplace(final, part); err != nil {
			return err
		}
	}
	return nil
}
