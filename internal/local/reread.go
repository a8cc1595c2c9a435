package local

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/catalog"
)

// Reread reads a share as it lies on the disk now, whatever its files were like when it was shared. If nothing is in doubt,
// now is the share with the files as they are, and may be served in its place once [Object.Vouch] has recorded it. A file that
// is gone, has another size or changes meanwhile is an error. Progress is told of bytes that are hashed; it may be nil.
func (b *Object) Reread(ctx context.Context, progress func(done, total int64)) (now *Object, d Doubts, err error) {
	files, err := b.Files.Anew()
	if err != nil {
		return nil, d, err
	}
	now = b.disk.Shared(b.id, b.Info, b.Hashes.Layers(), files)
	d.pieces, err = now.findWrong(ctx, func(yield func(int) bool) {
		for i := range b.Layout.Pieces() {
			if !yield(i) {
				return
			}
		}
	}, progress)
	files.Rest()
	if err == nil && !d.None() {
		err = files.Check() // gone meanwhile reads as wrong
	}
	if err != nil || !d.None() {
		files.Close()
		return nil, d, err
	}
	return now, d, nil
}

// Vouch records what the files of a share are like, whose bytes have been read and are right.
func (b *Object) Vouch(ctx context.Context) error {
	ids := make(map[int]catalog.Identity)
	for i, id := range b.Files.Identities() {
		ids[i] = Recorded(id)
	}
	return b.disk.Catalog.SetIdentity(ctx, b.id, ids)
}

// Distrust records that files of a share are not what was shared although they look as they did, so that no later run takes
// them for it.
func (b *Object) Distrust(ctx context.Context, d Doubts) error {
	ids := make(map[int]catalog.Identity)
	for _, piece := range d.pieces {
		for f := range b.Layout.Touches(piece) {
			ids[f] = catalog.Identity{Size: -1} // that of no file, under the same name
		}
	}
	return b.disk.Catalog.SetIdentity(ctx, b.id, ids)
}

// HasSameFiles reports whether two objects hold the same files to be theirs, unchanged.
func (b *Object) HasSameFiles(other *Object) bool {
	for i := range b.Object.Files() {
		if !b.Files.Identity(i).Matches(other.Files.Identity(i)) {
			return false
		}
	}
	return true
}
