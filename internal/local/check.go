package local

import (
	"context"
	"errors"
	"iter"
	"runtime"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
)

// CheckDisk hashes what lies on the disk and is not recorded as verified: bytes written before a crash are not fetched
// again (promise 4.2), and files that were there are taken over. It returns all that is right, by file.
func (b *Object) CheckDisk(ctx context.Context, recorded []content.Ranges) ([]content.Ranges, error) {
	verified := make([]content.Ranges, len(recorded))
	for i := range recorded {
		verified[i] = recorded[i].Clone()
	}
	right := func(piece int) {
		for _, e := range b.Layout.Extents(piece) {
			verified[e.File].Add(e.Offset, e.End())
			b.Files.Verified(e)
		}
	}
	for i := range b.proven.All() {
		right(i)
	}
	have := b.Layout.Complete(verified)
	unknown := func(yield func(int) bool) {
		for i := range b.Layout.Pieces() {
			if !have.Has(i) && b.onDisk(i) && !b.lacks(i, recorded) && !yield(i) {
				return
			}
		}
	}
	return verified, b.verifyAll(ctx, unknown, func(piece int, ok bool) {
		if ok {
			right(piece)
		}
	})
}

// TakeOver adds to durable what is verified of files that were found under their final names: nobody writes to these.
func (b *Object) TakeOver(durable, verified []content.Ranges) {
	for i := range durable {
		if b.Files.State(i) == store.Found {
			durable[i] = verified[i]
		}
	}
}

// verifyAll hashes pieces, when there is a token for it.
func (b *Object) verifyAll(ctx context.Context, pieces iter.Seq[int], report func(piece int, ok bool)) error {
	read := func(p []byte, e content.Extent) error {
		err := b.Files.ReadAt(p, e.File, e.Offset)
		if errors.Is(err, store.ErrMissing) {
			return torrent.ErrAbsent
		}
		return err
	}
	return b.disk.hashAll(ctx, b.Hashes, torrent.Source{Read: read, Ahead: b.Files.Ahead}, pieces, report)
}

// hashAll is torrent.Hashes.VerifyAll, when there is a token for it.
func (d *Disk) hashAll(ctx context.Context, h *torrent.Hashes, from torrent.Source, pieces iter.Seq[int], report func(piece int, ok bool)) error {
	some := false
	for range pieces {
		some = true
		break
	}
	if !some {
		return ctx.Err()
	}
	select {
	case d.Hashing <- struct{}{}:
		defer func() { <-d.Hashing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return h.VerifyAll(ctx, from, runtime.GOMAXPROCS(0), pieces, report)
}

// onDisk reports whether all files of a piece have something on the disk.
func (b *Object) onDisk(piece int) bool {
	for f := range b.Layout.Touches(piece) {
		if s := b.Files.State(f); s == store.Absent || s == store.Doubtful {
			return false
		}
	}
	return true
}

// lacks reports whether bytes of a piece are known not to be there.
func (b *Object) lacks(piece int, recorded []content.Ranges) bool {
	if b.settled == nil {
		return false
	}
	for _, e := range b.Layout.Extents(piece) {
		if b.settled[e.File] && !recorded[e.File].Contains(e.Offset, e.End()) {
			return true
		}
	}
	return false
}
