package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Verify hashes again what is held to be right of an object. Bytes of a fetched object that are not are fetched again; a
// share that is not what it was is no longer served. Either is an error with [ExitVerify].
func (n *Node) Verify(ctx context.Context, ref string, progress Progress) error {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	o, done, err := n.findToManage(ref)
	if err != nil {
		return err
	}
	defer done()
	b := o.theBody()
	if b == nil {
		return &Error{"resolving", "there is nothing to verify: it is not known yet what the files are", "", ExitFailed, nil}
	}
	was, why := o.swarm.State()
	before := o.swarm.Snapshot(n.cfg.Now())
	complete := !o.theRecord().DoneAt.IsZero()
	have := o.swarm.Have()
	o.swarm.Stop(swarm.Checking, nil)
	n.show(o)
	d, err := n.rehash(ctx, b, have, progress)
	switch {
	case err != nil && b.intake == nil && ctx.Err() == nil:
		n.unreadable(o, err)
		return explain(err)
	case err != nil: // given up, or the disk fails: nothing is known to be wrong
		n.goBack(o, was, why)
		return explain(err)
	case d.none() && was == swarm.Paused:
		n.goBack(o, was, why)
		return nil
	case d.none() && (b.intake == nil || moving(was)):
		n.start(o)
		return nil
	case b.intake == nil:
		broken := &Error{"verify", "bytes on the disk are not what they were", "potluck verify --accept takes the new version", ExitVerify, nil}
		n.fail(o, swarm.Changed, broken)
		return broken
	}
	again, err := n.refetch(ctx, o, b, d)
	if err != nil {
		return explain(err)
	}
	after := again.swarm.Snapshot(n.cfg.Now())
	lost := before.VerifiedBytes - after.VerifiedBytes
	if complete {
		lost = after.WantedBytes - after.VerifiedBytes // also what was noticed when the object was opened
	}
	if lost > 0 {
		return &Error{"verify", fmt.Sprintf("%d bytes on the disk were not what they were", lost), "they are fetched again", ExitVerify, nil}
	}
	return nil
}

// goBack puts an object back into the state in which it was.
func (n *Node) goBack(o *object, was swarm.State, why error) {
	if moving(was) {
		n.start(o)
		return
	}
	o.swarm.Stop(was, why)
	n.show(o)
}

// doubts are what is found wrong of an object on the disk.
type doubts struct {
	files  map[int]bool // not the files that they were, or gone
	pieces []int        // with bytes that are not right, of other files
}

func (d doubts) none() bool { return len(d.files)+len(d.pieces) == 0 }

// rehash looks for what is held to be right and is not.
func (n *Node) rehash(ctx context.Context, b *body, have content.Bitmap, progress Progress) (doubts, error) {
	d := doubts{files: make(map[int]bool)}
	for i := range b.object.Files() {
		err := b.files.CheckFile(i)
		switch {
		case err == nil:
		case b.intake != nil && (errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrMissing)):
			d.files[i] = true
		default:
			return d, err
		}
	}
	sure := func(piece int) bool {
		for f := range b.layout.Touches(piece) {
			if d.files[f] {
				return false
			}
		}
		return true
	}
	var total, done int64
	for i := range have.All() {
		if sure(i) {
			total += int64(b.layout.Need(i))
		}
	}
	pieces := func(yield func(int) bool) {
		for i := range have.All() {
			if sure(i) && !yield(i) {
				return
			}
		}
	}
	err := n.verifyAll(ctx, b, pieces, func(piece int, ok bool) {
		done += int64(b.layout.Need(piece))
		if progress != nil {
			progress(done, total)
		}
		if !ok {
			d.pieces = append(d.pieces, piece)
		}
	})
	return d, err
}

// refetch begins a fetched object anew without what is in doubt. It returns when the rest of it has been found on the
// disk.
func (n *Node) refetch(ctx context.Context, o *object, b *body, d doubts) (*object, error) {
	ctx = context.WithoutCancel(ctx)
	n.halt(o)
	failed := n.preserve(o)
	if failed == nil {
		failed = n.forget(ctx, o, b, d)
	}
	again, err := n.restart(ctx, o, func(r *catalog.Record) {
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Fetching)
		}
		r.Error, r.DoneAt = "", time.Time{}
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		n.fail(again, stateOf(failed), failed)
		return nil, failed
	}
	<-n.open(again)
	if state, why := again.swarm.State(); why != nil && !moving(state) {
		return nil, why
	}
	return again, nil
}

// forget records that what is in doubt is not known to be right, and takes the final names from files that have to be
// written to again.
func (n *Node) forget(ctx context.Context, o *object, b *body, d doubts) error {
	verified, err := n.catalog.Verified(ctx, o.id)
	var broken *catalog.RecordError
	if errors.As(err, &broken) {
		verified, err = make([]content.Ranges, len(b.object.Files())), nil
	}
	if err != nil {
		return err
	}
	for f := range d.files {
		verified[f] = content.Ranges{}
	}
	open := maps.Clone(d.files)
	for _, piece := range d.pieces {
		for _, e := range b.layout.Extents(piece) {
			verified[e.File].Remove(e.Offset, e.End())
			open[e.File] = true
		}
	}
	// The names first: a file that is called unfinished and has its final name would be somebody else's.
	b.files.Close()
	if err := n.unname(b, open); err != nil {
		return err
	}
	finished, ids := make(map[int]bool), make(map[int]catalog.Identity)
	for f := range open {
		finished[f], ids[f] = false, catalog.Identity{}
	}
	if err := n.catalog.SetFinished(ctx, o.id, finished); err != nil {
		return err
	}
	if err := n.catalog.SetIdentity(ctx, o.id, ids); err != nil {
		return err
	}
	return n.catalog.ReplaceVerified(ctx, o.id, verified)
}

// unname makes finished files unfinished ones. What else may lie under their names by now stays.
func (n *Node) unname(b *body, files map[int]bool) error {
	root, err := n.cfg.FS.OpenRoot(filepath.Dir(b.files.Path()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	for f := range files {
		if b.files.State(f) != store.Whole {
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
