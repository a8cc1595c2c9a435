package local

import (
	"context"
	"errors"
	"slices"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// ReopenShared opens a share where its record says that it lies, rows being what the catalog has of its files. Nothing is hashed, and
// nothing looked at.
func (d *Disk) ReopenShared(r catalog.Record, rows []catalog.FileRow, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2) *Object {
	ids := make([]store.Identity, len(rows))
	for i, row := range rows {
		ids[i] = IdentityOf(row)
		if !info.Dir {
			ids[i].Name = ""
		}
	}
	return d.Shared(r.ID, info, layers, d.Store.OpenShared(r.Root, info.Object(), ids))
}

// Reopen opens the place recorded in an earlier run. Ranges of files that are not as they were recorded are left out; lost
// says that a finished one is not.
func (b *Object) Reopen(ctx context.Context, r catalog.Record) (recorded []content.Ranges, lost, err error) {
	rows, err := b.disk.Catalog.Files(ctx, b.id)
	if err != nil {
		return nil, nil, err
	}
	as := content.MakePath(r.Name)
	if b.Object, err = Renamed(b.Info.Object(), as); err != nil {
		return nil, nil, err
	}
	b.side = r.Side
	b.setPriorities(prioritiesOf(rows))
	ids := make([]store.Identity, len(b.Info.Files))
	for i := range ids {
		if i < len(rows) && rows[i].Finished {
			ids[i] = IdentityOf(rows[i])
			ids[i].Name = ""
		}
	}
	succeeds, err := b.reopenSuccession(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	b.Files, err = b.disk.Store.OpenFetched(r.Root, b.Object, store.FetchOptions{
		As: as, Selected: b.wanted, Side: r.Side, Identities: ids, Resume: true, Succeeds: succeeds,
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range ids {
		if !b.succeeds {
			break
		}
		// Some may be right in a file that was unfinished in the former version, and had another size there.
		if err := b.Files.Resize(i); err != nil {
			return nil, nil, errors.Join(err, b.Files.Close())
		}
	}
	recorded, err = b.disk.Catalog.Verified(ctx, b.id)
	var broken *catalog.RecordError
	if err != nil && !errors.As(err, &broken) {
		return nil, nil, err
	}
	stale := broken != nil
	recorded = append(recorded, make([]content.Ranges, len(b.Info.Files))...)[:len(b.Info.Files)]
	rows = append(rows, make([]catalog.FileRow, len(b.Info.Files))...)[:len(b.Info.Files)]
	b.settled = make([]bool, len(recorded))
	kept := slices.Clone(recorded) // finished files may come back
	for i := range recorded {
		if b.Files.State(i) == store.Whole {
			if err := b.Files.CheckFile(i); err != nil {
				recorded[i] = content.Ranges{}
				if lost == nil {
					lost = err
				}
			}
		} else if b.untouched(i, rows[i]) {
			b.settled[i] = true
		} else if !recorded[i].IsEmpty() {
			// Hashed again: somebody may have written to it since.
			recorded[i], kept[i], stale = content.Ranges{}, content.Ranges{}, true
		}
	}
	if !stale {
		return recorded, lost, nil
	}
	return recorded, lost, b.disk.Catalog.ReplaceVerified(ctx, b.id, kept)
}

// untouched reports whether an unfinished file is as it was left. After a crash it is not: nobody has seen it last.
func (b *Object) untouched(file int, row catalog.FileRow) bool {
	name, ok := b.unfinished(file)
	return ok && row.Identity != (catalog.Identity{}) && b.disk.lookAt(name) == row.Identity
}
