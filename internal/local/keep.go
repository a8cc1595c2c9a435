package local

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
)

// Persist syncs, records, and gives the files that are whole their final names. It reports whether all wanted files have
// theirs. durable, by file, is what the catalog has recorded, and of files that were found under their final names what is
// right; Persist adds to it. It is for one goroutine, the object's keeper, and is not broken off.
func (b *Object) Persist(durable []content.Ranges) (done bool, err error) {
	added, err := b.sync()
	if err != nil {
		return false, err
	}
	for file, r := range added {
		durable[file].AddAll(r)
	}
	if err := b.note(len(added) > 0); err != nil {
		return false, err
	}
	return b.finish(durable)
}

// Preserve makes durable what is left of an object that nobody exchanges any more. Of a share there is nothing.
func (b *Object) Preserve() error {
	if b.Intake == nil {
		return nil
	}
	b.Intake.Close()
	_, err := b.sync()
	return err
}

// Settle is Preserve, and closes the files, for another run to find them as they are.
func (b *Object) Settle() error {
	err := b.Preserve()
	b.Files.Close()
	if err != nil || b.Intake == nil {
		return err
	}
	return b.leaveUnfinished(context.Background())
}

// note records what unfinished files are like as soon as nothing is written to them any more: if nobody does until the next
// run, they need not be hashed again, however this one ends.
func (b *Object) note(written bool) error {
	if written {
		b.noted = false
		return nil
	}
	if b.noted {
		return nil
	}
	b.noted = true
	return b.leaveUnfinished(context.Background())
}

// sync makes durable what is written and records what of it is verified. It is not broken off: what a sync has returned
// it does not return again.
func (b *Object) sync() (map[int]content.Ranges, error) {
	synced, err := b.Files.Sync()
	if err != nil || len(synced) == 0 {
		return nil, err
	}
	added := make(map[int]content.Ranges)
	for _, d := range synced {
		r := added[d.File]
		r.Add(d.From, d.To)
		added[d.File] = r
	}
	// First the hashes by which they were verified: without these nothing that is found after a crash can be told to be right.
	if !b.layersKept {
		whole := b.Hashes.HasLayers()
		if err := b.KeepLayers(context.Background()); err != nil {
			return nil, err
		}
		b.layersKept = whole
	}
	return added, b.disk.Catalog.AddVerified(context.Background(), b.id, added)
}

// KeepLayers records the piece layers that are known.
func (b *Object) KeepLayers(ctx context.Context) error {
	return b.disk.Catalog.SetPieceLayers(ctx, b.id, b.Hashes.Layers())
}

// finish renames what is whole and durable.
func (b *Object) finish(durable []content.Ranges) (done bool, err error) {
	ctx := context.Background()
	var ready []int
	found := make(map[int]content.Ranges)
	left := 0
	for i, f := range b.Object.Files() {
		switch {
		case !b.Wants(i) || b.Files.State(i) == store.Whole:
		case durable[i].Contains(0, f.Size):
			ready = append(ready, i)
			if b.Files.State(i) == store.Found {
				found[i] = durable[i]
			}
		default:
			left++
		}
	}
	if len(ready) == 0 {
		return left == 0, nil
	}
	if err := b.Files.Finish(ready...); err != nil {
		return false, err
	}
	if len(found) > 0 {
		// It never passed through a sync.
		if err := b.disk.Catalog.AddVerified(ctx, b.id, found); err != nil {
			return false, err
		}
	}
	ids := make(map[int]catalog.Identity, len(ready))
	for _, i := range ready {
		ids[i] = Recorded(b.Files.Identity(i))
	}
	return left == 0, b.disk.Catalog.SetFinished(ctx, b.id, ids)
}
