package node

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// opening says whether an object's place on disk is still to be found, or is known from an earlier run.
type opening bool

const (
	fresh  opening = false
	resume opening = true
)

// openFetched goes from the metadata to a swarm in motion: a place on disk, what is there already, room for the rest.
func (n *Node) openFetched(o *object, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, how opening) {
	err := n.tryOpenFetched(o, info, layers, how)
	switch {
	case err == nil:
	case o.life.Err() != nil: // removed or closed meanwhile
	default:
		n.fail(o, swarm.Failed, err)
	}
}

func (n *Node) tryOpenFetched(o *object, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, how opening) error {
	ctx := o.life
	b := &body{info: info, layout: torrent.New(info)}
	b.hashes = torrent.NewHashes(info, b.layout, layers)
	var err error
	if b.wanted, err = selectFiles(o.theRecord().Selected, info.Object()); err != nil {
		return err
	}
	recorded := make([]content.Ranges, len(info.Files))
	var lost error // why it cannot go on before the user has done something
	if how == resume {
		if recorded, lost, err = n.reopen(ctx, o, b); err != nil {
			return err
		}
	} else if err := n.findPlace(ctx, o, b, layers); err != nil {
		return err
	}
	verified := recorded
	if lost == nil {
		if verified, err = n.checkDisk(ctx, b, recorded); err == nil {
			err = n.checkRoom(b, verified)
		}
		if err != nil {
			b.files.Close()
			return err
		}
	}
	b.intake = intake.New(intake.Config{
		Layout: b.layout, Hashes: b.hashes, Files: b.files, Budget: n.budget, Pool: n.pool,
		NeedLeaves: o.swarm.NeedLeaves,
		Report:     func(piece int, v torrent.Verdict, err error) { n.checked(o, b, piece, v, err) },
	})
	n.embody(o, b, b.layout.Complete(verified))
	if lost != nil {
		n.fail(o, stateOf(lost), lost)
		return nil
	}
	for i := range recorded {
		if b.files.State(i) == store.Found {
			recorded[i] = verified[i]
		}
	}
	switch {
	case !b.whole():
		n.run(o, func() { n.keep(o, b, recorded) })
	case o.theRecord().DoneAt.IsZero():
		n.finished(o)
	}
	n.discover(o)
	n.poke()
	return nil
}

// checkDisk hashes what lies on the disk and is not recorded as verified: bytes written before a crash are not fetched
// again (promise 4.2), and files that were there are taken over.
func (n *Node) checkDisk(ctx context.Context, b *body, recorded []content.Ranges) ([]content.Ranges, error) {
	verified := make([]content.Ranges, len(recorded))
	for i := range recorded {
		verified[i] = recorded[i].Clone()
	}
	have := b.layout.Complete(recorded)
	unknown := func(yield func(int) bool) {
		for i := range b.layout.Pieces() {
			if !have.Has(i) && b.onDisk(i) && !b.lacks(i, recorded) && !yield(i) {
				return
			}
		}
	}
	return verified, n.verifyAll(ctx, b, unknown, func(piece int, ok bool) {
		if !ok {
			return
		}
		for _, e := range b.layout.Extents(piece) {
			verified[e.File].Add(e.Offset, e.End())
			b.files.Verified(e)
		}
	})
}

func (n *Node) verifyAll(ctx context.Context, b *body, pieces iter.Seq[int], report func(int, bool)) error {
	some := false
	for range pieces {
		some = true
		break
	}
	if !some {
		return ctx.Err()
	}
	select {
	case n.hashing <- struct{}{}:
		defer func() { <-n.hashing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	read := func(p []byte, e content.Extent) error {
		err := b.files.ReadAt(p, e.File, e.Offset)
		if errors.Is(err, store.ErrMissing) {
			return torrent.ErrAbsent
		}
		return err
	}
	return b.hashes.VerifyAll(ctx, read, runtime.GOMAXPROCS(0), pieces, report)
}

// onDisk reports whether all files of a piece have something on the disk.
func (b *body) onDisk(piece int) bool {
	for f := range b.layout.Touches(piece) {
		if s := b.files.State(f); s == store.Absent || s == store.Doubtful {
			return false
		}
	}
	return true
}

// lacks reports whether bytes of a piece are known not to be there.
func (b *body) lacks(piece int, recorded []content.Ranges) bool {
	if b.settled == nil {
		return false
	}
	for _, e := range b.layout.Extents(piece) {
		if b.settled[e.File] && !recorded[e.File].Contains(e.Offset, e.End()) {
			return true
		}
	}
	return false
}

// wantsPiece reports whether a piece has bytes of a wanted file.
func (b *body) wantsPiece(piece int) bool {
	if b.wanted == nil {
		return true
	}
	for f := range b.layout.Touches(piece) {
		if b.wanted[f] {
			return true
		}
	}
	return false
}

// reserve is how much of a disk is left free.
const reserve = 16 << 20

// checkRoom refuses a fetch that the disk cannot hold.
func (n *Node) checkRoom(b *body, verified []content.Ranges) error {
	var missing int64
	for i, f := range b.object.Files() {
		if b.wants(i) {
			missing += f.Size - verified[i].Total()
		}
	}
	dir := filepath.Dir(b.files.Path())
	free, err := n.store.Free(dir)
	if errors.Is(err, errors.ErrUnsupported) || missing == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if missing > free-reserve {
		return &Error{"disk-full", fmt.Sprintf("%d bytes are missing and only %d are free in %s", missing, free, dir),
			"free some space, or choose another folder with -o", ExitDisk, nil}
	}
	return nil
}
