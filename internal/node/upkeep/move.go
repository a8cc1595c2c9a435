package upkeep

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/selection"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// relocation is one move of an object.
type relocation struct {
	files    *moving.Move // nil if the object has no place on the disk yet
	from, to string
	arrive   func() // from here on the object may settle itself
}

// Move moves the files of a fetched object to another folder, and goes on with them there, in the state it had. It is served
// while finished files are copied to another file system, and stops for the rest. Nothing is overwritten and nothing hashed
// again; if it fails or the context ends, everything is as it was. Progress is told of bytes copied, and may be nil. The caller does
// not manage the object.
func Move(ctx context.Context, rooms *object.Rooms, o *object.Object, dir string, progress func(done, total int64)) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := o.Await(ctx); err != nil {
		return err
	}
	arrive, ok := rooms.Books.Depart(o.ID)
	if !ok {
		return fault.New(fault.ExitFailed, "moving", o.Record().Name+" is being moved already", "wait until that is done", nil)
	}
	defer arrive()
	o, done, err := o.Manage()
	if err != nil {
		return err
	}
	defer func() { done() }()
	mv, err := beginMove(ctx, rooms, o, dir, progress)
	if mv == nil || err != nil {
		return err
	}
	mv.arrive = arrive
	for b := o.Body(); b != nil && mv.files != nil && mv.files.Across(); b = o.Body() {
		// It goes on meanwhile, and whoever wants may pause, verify or remove it.
		done()
		copied := copyAhead(ctx, o, b, mv.files)
		again, unlock, gone := o.Manage()
		if gone != nil {
			done = func() {}
			return errors.Join(gone, mv.files.Settle())
		}
		begun := again != o // anew, and so the copying ended
		o, done = again, unlock
		if (copied == nil || begun && ctx.Err() == nil) && !rooms.Books.ClaimToo(mv.files.Place(), o) {
			copied, begun = fmt.Errorf("%s: %w", mv.files.Place(), store.ErrExists), false
		}
		switch {
		case copied == nil:
			return carryOut(ctx, rooms, o, mv)
		case !begun || ctx.Err() != nil:
			rooms.Books.GiveUp(mv.files.Place(), o)
			return errors.Join(copied, mv.files.Settle())
		}
	}
	return carryOut(ctx, rooms, o, mv)
}

// copyAhead copies finished files as long as the object goes on as it is.
func copyAhead(ctx context.Context, o *object.Object, b *local.Object, mv *moving.Move) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.Life, cancel)()
	return mv.Copy(ctx, b)
}

// beginMove looks whether an object can be moved, and writes down that it will be. It returns nil if it is there already.
func beginMove(ctx context.Context, rooms *object.Rooms, o *object.Object, dir string, progress func(done, total int64)) (*relocation, error) {
	r := o.Record()
	if r.Kind == catalog.Shared {
		return nil, fault.New(fault.ExitUsage, "shared", "the files of "+r.Name+" are yours, not fetched: potluck never moves them",
			"forget it with potluck rm, move the files, and share them where they are then: the same content makes the same link", nil)
	}
	if filepath.Clean(r.Root) == dir {
		return nil, nil
	}
	if info, err := rooms.Disk.FS.Stat(dir); err == nil && !info.Mode.IsDir() {
		return nil, fault.Usage(dir+" is not a folder", "name a folder to move it to", nil)
	}
	if b := o.Body(); b != nil && b.IsUpdating() {
		return nil, fault.New(fault.ExitFailed, "updating", "a new version of "+r.Name+" is only just taking its place", "try again when that is done", nil)
	}
	if r.Name == "" {
		return &relocation{from: r.Root, to: dir}, nil
	}
	if within(filepath.Join(r.Root, r.Name), dir) {
		return nil, fault.Usage(r.Name+" cannot be moved into itself", "name another folder", nil)
	}
	if _, unsettled, err := moving.Unsettled(ctx, rooms.Catalog, o.ID); unsettled || err != nil {
		return nil, errors.Join(err, fault.New(fault.ExitFailed, "moving", "an earlier move of "+r.Name+" is not settled", "potluck resume tries that again", nil))
	}
	info, err := infoOf(o, r)
	if err != nil {
		return nil, err
	}
	mv, err := moving.New(rooms.Disk, rooms.Log, r, info, r.Root, dir)
	if err != nil {
		return nil, err
	}
	if !rooms.Books.ClaimToo(mv.Place(), o) {
		return nil, fmt.Errorf("%s: %w", mv.Place(), store.ErrExists)
	}
	if err := mv.Begin(ctx, o.Body(), progress); err != nil {
		rooms.Books.GiveUp(mv.Place(), o)
		return nil, err
	}
	return &relocation{files: mv, from: r.Root, to: dir}, nil
}

// within reports whether a path is that of a folder, or one below it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// infoOf is what the metadata of an object says, which need not be open.
func infoOf(o *object.Object, r catalog.Record) (*metainfo.Info, error) {
	if b := o.Body(); b != nil {
		return b.Info, nil
	}
	return metainfo.ParseInfo(r.Info)
}

// carryOut stops an object, takes its files to the new folder, and takes it up again, there or, if that failed, where it
// was. The caller manages it.
func carryOut(ctx context.Context, rooms *object.Rooms, o *object.Object, mv *relocation) error {
	o.Halt()
	failed := o.Settle()
	o.Swarm.Stop(swarm.Checking, nil)
	root := mv.from
	var settled error
	switch r := o.Record(); {
	case mv.files == nil && r.Name == "":
		root = mv.to
	case mv.files == nil:
		// Just now it got a place, and perhaps files.
		failed = errors.Join(failed, fault.New(fault.ExitFailed, "checking", r.Name+" is only just being looked at", "try again", nil))
	default:
		if failed == nil {
			failed = stage(ctx, rooms, o, mv.files)
		}
		if failed == nil {
			failed = mv.files.Commit()
		}
		settled = mv.files.Settle()
		root = mv.files.Folder()
	}
	mv.arrive()
	again, err := o.Replace(ctx, func(r *catalog.Record) {
		r.Root = root
		if r.State != catalog.State(swarm.Paused) {
			r.State, r.Error = object.UnderWay(*r), ""
		}
	})
	if err == nil {
		again.Open()
		err = again.Await(ctx)
	}
	if failed == nil && ctx.Err() != nil {
		err = nil // it has been moved all the same
	}
	return errors.Join(failed, settled, err)
}

// stage takes the files of an object, which is halted, as far as the last step.
func stage(ctx context.Context, rooms *object.Rooms, o *object.Object, mv *moving.Move) error {
	b := o.Body()
	if b == nil {
		// It could not be opened, for want of space perhaps.
		r := o.Record()
		info, err := metainfo.ParseInfo(r.Info)
		if err != nil {
			return err
		}
		wanted, err := selection.Mark(r.Selected, info.Object())
		if err != nil {
			return err
		}
		b = rooms.Disk.New(o.ID, info, nil, wanted)
		_, lost, err := b.Reopen(ctx, r)
		if err != nil {
			return err
		}
		b.Files.Close()
		if lost != nil {
			return lost
		}
	}
	return mv.Stage(ctx, b)
}
