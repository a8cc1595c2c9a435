// Package moving takes a fetched object from one folder to another, with the catalog as the witness. A move is written down
// under its object's id before anything is touched, and forgotten when it is settled. Where the catalog says that the object
// lies decides which way it is settled: back if that is the old folder, forward if it is the new one. So it is after a
// crash, too.
//
// The caller sees to it that nobody else uses the object while Stage and what follows run.
package moving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/store/relocate"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Move is one move of an object.
type Move struct {
	disk     *local.Disk
	log      *slog.Logger
	id       string
	obj      content.Object
	as       content.Path
	files    *relocate.Move
	from, to string
	across   bool
	advance  func(bytes int64)
}

// New makes the move of an object with a place on the disk, known by its record, between two folders. Nothing is touched.
func New(d *local.Disk, log *slog.Logger, r catalog.Record, info *metainfo.Info, from, to string) (*Move, error) {
	mv := &Move{disk: d, log: log, id: r.ID, as: content.MakePath(r.Name), from: from, to: to}
	var err error
	if mv.obj, err = local.Renamed(info.Object(), mv.as); err != nil {
		return nil, err
	}
	mv.files = relocate.New(d.FS, mv.obj, mv.as, from, to)
	return mv, nil
}

// Place is where the object is to lie.
func (mv *Move) Place() string { return filepath.Join(mv.to, mv.as.String()) }

// Across reports whether it is a move between file systems, so that files are copied. It is known after Begin.
func (mv *Move) Across() bool { return mv.across }

// Begin looks whether the object can be moved, writes down that it will be, and makes the folder by way of which it is. b is
// nil if the object could not be opened. Progress is told of bytes copied from then on; it may be nil.
func (mv *Move) Begin(ctx context.Context, b *local.Object, progress func(done, total int64)) error {
	if err := mv.files.Look(); err != nil {
		return err
	}
	var wanted, there int64
	if b != nil {
		if err := b.Files.Check(); err != nil {
			return err
		}
	}
	for i, f := range mv.obj.Files() {
		if b == nil || b.Wants(i) {
			wanted += f.Size
		}
		if b == nil || b.Files.State(i) != store.Absent && b.Files.State(i) != store.Aside {
			there += f.Size
		}
	}
	var err error
	if mv.across, err = mv.files.Across(); err != nil {
		return err
	}
	if mv.across {
		if err := mv.checkRoom(wanted); err != nil {
			return err
		}
	}
	if progress != nil {
		var done int64
		mv.advance = func(n int64) {
			done += n
			progress(min(done, there), there)
		}
	}
	if err := (Note{mv.from, mv.to}).Write(ctx, mv.disk.Catalog, mv.id); err != nil {
		return err
	}
	if err := mv.files.Begin(); err != nil {
		mv.forget()
		return err
	}
	return nil
}

// checkRoom refuses a move to a disk that cannot hold the object.
func (mv *Move) checkRoom(wanted int64) error {
	free, err := mv.disk.Store.Free(mv.to)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if wanted > free-local.Reserve {
		return fault.New(fault.ExitDisk, "disk-full", fmt.Sprintf("%d bytes are needed and only %d are free in %s", wanted, free, mv.to),
			"free some space there, or choose another folder", nil)
	}
	return nil
}

// Copy copies finished files of an object, which may be in use.
func (mv *Move) Copy(ctx context.Context, b *local.Object) error {
	return mv.files.Copy(ctx, b.Files, mv.advance)
}

// Stage takes the files of an object, which nobody uses any more, as far as the last step.
func (mv *Move) Stage(ctx context.Context, b *local.Object) error {
	return mv.files.Stage(ctx, b.Files, mv.advance)
}

// Commit is the step after which a move goes forward only: the catalog says where the object lies and what its files are
// there, before they get their names.
func (mv *Move) Commit() error {
	ctx := context.Background() // half-way is no place to stop
	rows, err := mv.disk.Catalog.Files(ctx, mv.id)
	if err != nil {
		return err
	}
	staged, err := mv.files.Staged()
	if err != nil {
		return err
	}
	before, after := make(map[int]catalog.Identity), make(map[int]catalog.Identity)
	for i, row := range rows {
		if i >= len(staged) || staged[i].IsZero() {
			continue
		}
		before[i] = row.Identity
		id := local.Recorded(staged[i])
		// An unfinished file that somebody wrote to since it was left is hashed again.
		if row.Finished || row.Identity.Size == id.Size && row.Identity.ModTime == id.ModTime {
			after[i] = id
		} else {
			after[i] = catalog.Identity{}
		}
	}
	if err := mv.disk.Catalog.Relocate(ctx, mv.id, mv.to, after); err != nil {
		return err
	}
	if err := mv.files.Publish(); err != nil {
		return errors.Join(err, mv.disk.Catalog.Relocate(ctx, mv.id, mv.from, before))
	}
	return nil
}

// Folder is the one in which the object lies by the catalog: the old or the new.
func (mv *Move) Folder() string {
	r, err := mv.disk.Catalog.Get(context.Background(), mv.id)
	if err != nil {
		return mv.from
	}
	return r.Root
}
