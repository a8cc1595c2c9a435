package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Move moves the files of a fetched object to another folder, and goes on with them there, in the state it had. It is served
// while finished files are copied to another file system, and stops for the rest. Nothing is overwritten and nothing hashed
// again; if it fails or the context ends, everything is as it was. Progress is told of bytes copied, and may be nil.
func (n *Node) Move(ctx context.Context, ref, dir string, progress Progress) error {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := n.move(ctx, ref, dir, progress); err != nil {
		return explainMove(err)
	}
	return nil
}

// relocation is one move of an object.
type relocation struct {
	files    *store.Move // nil if the object has no place on the disk yet
	obj      content.Object
	as       content.Path
	from, to string
	across   bool // between file systems
	advance  func(bytes int64)
	arrive   func() // from here on the object may settle itself
}

func (n *Node) move(ctx context.Context, ref, dir string, progress Progress) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	if err := o.await(ctx); err != nil {
		return err
	}
	arrive, ok := n.depart(o.id)
	if !ok {
		return &Error{"moving", o.theRecord().Name + " is being moved already", "wait until that is done", ExitFailed, nil}
	}
	defer arrive()
	o, done, err := n.manage(o)
	if err != nil {
		return err
	}
	defer func() { done() }()
	mv, err := n.beginMove(ctx, o, dir, progress)
	if mv == nil || err != nil {
		return err
	}
	mv.arrive = arrive
	for b := o.theBody(); b != nil && mv.across; b = o.theBody() {
		// It goes on meanwhile, and whoever wants may pause, verify or remove it.
		done()
		copied := n.copyAhead(ctx, o, b, mv)
		again, unlock, gone := n.manage(o)
		if gone != nil {
			done = func() {}
			return errors.Join(gone, n.settleMove(o.id, mv))
		}
		begun := again != o // anew, and so the copying ended
		o, done = again, unlock
		if (copied == nil || begun && ctx.Err() == nil) && !n.claimToo(mv.place(), o) {
			copied, begun = fmt.Errorf("%s: %w", mv.place(), store.ErrExists), false
		}
		switch {
		case copied == nil:
			return n.carryOut(ctx, o, mv)
		case !begun || ctx.Err() != nil:
			n.giveUp(mv.place(), o)
			return errors.Join(copied, n.settleMove(o.id, mv))
		}
	}
	return n.carryOut(ctx, o, mv)
}

// copyAhead copies finished files as long as the object goes on as it is.
func (n *Node) copyAhead(ctx context.Context, o *object, b *body, mv *relocation) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.life, cancel)()
	return mv.files.Copy(ctx, b.files, mv.advance)
}

// place is where the object is to lie.
func (mv *relocation) place() string { return filepath.Join(mv.to, mv.as.String()) }

// beginMove looks whether an object can be moved, and writes down that it will be. It returns nil if it is there already.
func (n *Node) beginMove(ctx context.Context, o *object, dir string, progress Progress) (*relocation, error) {
	r := o.theRecord()
	if r.Kind == catalog.Shared {
		return nil, &Error{"shared", "the files of " + r.Name + " are yours, not fetched: potluck never moves them",
			"forget it with potluck rm, move the files, and share them where they are then: the same content makes the same link", ExitUsage, nil}
	}
	if filepath.Clean(r.Root) == dir {
		return nil, nil
	}
	if info, err := n.cfg.FS.Stat(dir); err == nil && !info.Mode.IsDir() {
		return nil, &Error{"usage", dir + " is not a folder", "name a folder to move it to", ExitUsage, nil}
	}
	if r.Name == "" {
		return &relocation{from: r.Root, to: dir}, nil
	}
	if within(filepath.Join(r.Root, r.Name), dir) {
		return nil, &Error{"usage", r.Name + " cannot be moved into itself", "name another folder", ExitUsage, nil}
	}
	if _, unsettled, err := n.oldMove(ctx, o.id); unsettled || err != nil {
		return nil, errors.Join(err, &Error{"moving", "an earlier move of " + r.Name + " is not settled", "potluck resume tries that again", ExitFailed, nil})
	}
	mv, err := n.newRelocation(o, r, nil, r.Root, dir)
	if err != nil {
		return nil, err
	}
	if !n.claimToo(mv.place(), o) {
		return nil, fmt.Errorf("%s: %w", mv.place(), store.ErrExists)
	}
	if err := n.tryBegin(ctx, o, mv, progress); err != nil {
		n.giveUp(mv.place(), o)
		return nil, err
	}
	return mv, nil
}

// within reports whether a path is that of a folder, or one below it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// newRelocation makes the move of an object with a place on the disk; info is parsed from the record if it is nil.
func (n *Node) newRelocation(o *object, r catalog.Record, info *metainfo.Info, from, to string) (*relocation, error) {
	mv := &relocation{as: content.MakePath(r.Name), from: from, to: to}
	var err error
	if b := o.theBody(); b != nil {
		info = b.info
	} else if info == nil {
		if info, err = metainfo.ParseInfo(r.Info); err != nil {
			return nil, err
		}
	}
	if mv.obj, err = renamed(info.Object(), mv.as); err != nil {
		return nil, err
	}
	mv.files = n.store.NewMove(mv.obj, mv.as, from, to)
	return mv, nil
}

func (n *Node) tryBegin(ctx context.Context, o *object, mv *relocation, progress Progress) error {
	if err := mv.files.Look(); err != nil {
		return err
	}
	var wanted, there int64
	b := o.theBody()
	if b != nil {
		if err := b.files.Check(); err != nil {
			return err
		}
	}
	for i, f := range mv.obj.Files() {
		if b == nil || b.wants(i) {
			wanted += f.Size
		}
		if b == nil || b.files.State(i) != store.Absent && b.files.State(i) != store.Aside {
			there += f.Size
		}
	}
	var err error
	if mv.across, err = mv.files.Across(); err != nil {
		return err
	}
	if mv.across {
		free, err := n.store.Free(mv.to)
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		if err == nil && wanted > free-reserve {
			return &Error{"disk-full", fmt.Sprintf("%d bytes are needed and only %d are free in %s", wanted, free, mv.to),
				"free some space there, or choose another folder", ExitDisk, nil}
		}
	}
	if progress != nil {
		var done int64
		mv.advance = func(n int64) {
			done += n
			progress(min(done, there), there)
		}
	}
	if err := n.noteMove(ctx, o.id, mv); err != nil {
		return err
	}
	if err := mv.files.Begin(); err != nil {
		n.forgetMove(o.id)
		return err
	}
	return nil
}

// carryOut stops an object, takes its files to the new folder, and takes it up again, there or, if that failed, where it
// was. The caller manages it.
func (n *Node) carryOut(ctx context.Context, o *object, mv *relocation) error {
	n.halt(o)
	failed := n.settle(o)
	o.swarm.Stop(swarm.Checking, nil)
	root := mv.from
	var settled error
	switch r := o.theRecord(); {
	case mv.files == nil && r.Name == "":
		root = mv.to
	case mv.files == nil:
		// Just now it got a place, and perhaps files.
		failed = errors.Join(failed, &Error{"checking", r.Name + " is only just being looked at", "try again", ExitFailed, nil})
	default:
		if failed == nil {
			failed = n.stage(ctx, o, mv)
		}
		if failed == nil {
			failed = n.commit(o, mv)
		}
		settled = n.settleMove(o.id, mv)
		root = n.rootOf(o, mv)
	}
	mv.arrive()
	again, err := n.replace(ctx, o, func(r *catalog.Record) {
		r.Root = root
		if r.State != catalog.State(swarm.Paused) {
			r.State, r.Error = underWay(*r), ""
		}
	})
	if err == nil {
		n.open(again)
		err = again.await(ctx)
	}
	if failed == nil && ctx.Err() != nil {
		err = nil // it has been moved all the same
	}
	return errors.Join(failed, settled, err)
}

// stage takes the files of an object, which is halted, as far as the last step.
func (n *Node) stage(ctx context.Context, o *object, mv *relocation) error {
	b := o.theBody()
	if b == nil {
		// It could not be opened, for want of space perhaps.
		r := o.theRecord()
		info, err := metainfo.ParseInfo(r.Info)
		if err != nil {
			return err
		}
		b = &body{info: info, layout: torrent.New(info)}
		if b.wanted, err = selectFiles(r.Selected, info.Object()); err != nil {
			return err
		}
		_, lost, err := n.reopen(ctx, o, b)
		if err != nil {
			return err
		}
		b.files.Close()
		if lost != nil {
			return lost
		}
	}
	return mv.files.Stage(ctx, b.files, mv.advance)
}

// commit is the step after which a move goes forward only: the catalog says where the object lies and what its files are
// there, before they get their names.
func (n *Node) commit(o *object, mv *relocation) error {
	ctx := context.Background()
	rows, err := n.catalog.Files(ctx, o.id)
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
		id := catalogIdentity(staged[i])
		// An unfinished file that somebody wrote to since it was left is hashed again.
		if row.Finished || row.Identity.Size == id.Size && row.Identity.ModTime == id.ModTime {
			after[i] = id
		} else {
			after[i] = catalog.Identity{}
		}
	}
	if err := n.catalog.Relocate(ctx, o.id, mv.to, after); err != nil {
		return err
	}
	if err := mv.files.Publish(); err != nil {
		return errors.Join(err, n.catalog.Relocate(ctx, o.id, mv.from, before))
	}
	return nil
}

// depart marks an object as being moved, until it arrives; false if it is already.
func (n *Node) depart(id string) (arrive func(), ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away[id] {
		return nil, false
	}
	n.away[id] = true
	return sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.away, id)
	}), true
}

func (n *Node) isAway(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.away[id]
}

// claimToo reserves one more path for an object; false if another object has it. giveUp gives it back.
func (n *Node) claimToo(path string, o *object) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if other := n.places[path]; other != nil && other != o {
		return false
	}
	n.places[path] = o
	return true
}

func (n *Node) giveUp(path string, o *object) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.places[path] == o {
		delete(n.places, path)
	}
}
