package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// maxNames bounds the names that are tried for an object.
const maxNames = 100

// FindPlace chooses the name under which an object is stored in a folder: its own, unless something else has it, else the
// first of "NAME (1)", "NAME (2)" that is free. What lies there already and is right is taken over. Claim reserves a path,
// and gives up the one reserved before; false if another object has it.
func (b *Object) FindPlace(ctx context.Context, dir string, claim func(path string) bool) error {
	if b.wanted != nil {
		b.side = b.disk.side(b.id)
		if err := b.disk.FS.MkdirAll(b.disk.Sides); err != nil {
			return err
		}
	}
	var taken error
	for try := range maxNames {
		as := numbered(b.Info.Name, try)
		if !claim(filepath.Join(dir, as.String())) {
			continue
		}
		obj, err := Renamed(b.Info.Object(), as)
		if err != nil {
			return err
		}
		files, err := b.disk.Store.OpenFetched(dir, obj, store.FetchOptions{As: as, Selected: b.wanted, Side: b.disk.side(b.id)})
		if errors.Is(err, store.ErrExists) {
			taken = err
			continue
		}
		if err != nil {
			return err
		}
		b.Object, b.Files = obj, files
		ours, err := b.isOurs(ctx)
		if err != nil {
			files.Close()
			return err
		}
		if ours {
			return nil
		}
		files.Close()
	}
	return fault.New(fault.ExitDisk, "exists", fmt.Sprintf("%s exists in %s, and so do all its numbered names", b.Info.Name, dir), "choose another folder with -o", taken)
}

// isOurs decides about files that lie at the object's place already: they are taken over if they are the whole object and
// every byte is right, and left alone otherwise.
func (b *Object) isOurs(ctx context.Context) (bool, error) {
	found := false
	for i := range b.Object.Files() {
		found = found || b.Files.State(i) == store.Found
	}
	if !found {
		// A folder with other things in it is the user's.
		_, err := b.disk.FS.Stat(b.Files.Path())
		return err != nil, nil
	}
	complete, proven := true, content.NewBitmap(b.Layout.Pieces())
	wantedPieces := func(yield func(int) bool) {
		for i := range b.Layout.Pieces() {
			if b.wantsPiece(i) && !yield(i) {
				return
			}
		}
	}
	err := b.verifyAll(ctx, wantedPieces, func(piece int, ok bool) {
		if complete = complete && ok; ok {
			proven.Set(piece)
		}
	})
	if err == nil && complete {
		b.proven = proven
	}
	return complete, err
}

// RecordPlace writes down what lies where the object is put, before anything is written there. The rest of its record,
// which change makes of it, is for the caller to update.
func (b *Object) RecordPlace(ctx context.Context, layers map[metainfo.HashV2][]metainfo.HashV2) (change func(*catalog.Record), err error) {
	rows := make([]catalog.FileRow, len(b.Object.Files()))
	for i, f := range b.Object.Files() {
		rows[i] = fileRow(f, store.Identity{}, false)
		if !b.Wants(i) {
			rows[i].Priority = catalog.Skip
		}
	}
	if err := b.disk.Catalog.SetFiles(ctx, b.id, rows); err != nil {
		return nil, err
	}
	if len(layers) > 0 {
		if err := b.disk.Catalog.SetPieceLayers(ctx, b.id, layers); err != nil {
			return nil, err
		}
	}
	return func(r *catalog.Record) {
		r.Name, r.Dir, r.Size = b.Object.Name().String(), b.Object.IsDir(), b.Object.Size()
		r.InfoHash, r.Info, r.Private = b.Info.Hash, b.Info.Raw, b.Info.Private
		if b.wanted != nil {
			r.Side = b.side
		}
	}, nil
}

// Renamed is the object under another name.
func Renamed(obj content.Object, as content.Path) (content.Object, error) {
	files := obj.Files()
	if !obj.IsDir() {
		files = []content.File{{Path: as, Size: files[0].Size}}
	}
	return content.NewObject(as, obj.IsDir(), files)
}

// numbered is a name with " (k)" before its extension; the name itself for k = 0.
func numbered(name content.Path, k int) content.Path {
	if k == 0 {
		return name
	}
	return content.MakePath(content.Numbered(name.String(), k))
}

// CheckClear reports what lies where a file is to go that was not wanted before, in the folder of its object. A whole one may
// be taken over, if it is right.
func (d *Disk) CheckClear(dir string, f content.File) error {
	final, part := filepath.Join(dir, filepath.FromSlash(f.Path.String())), filepath.Join(dir, filepath.FromSlash(f.Path.Part().String()))
	there, err := d.FS.Stat(final)
	inTheWay := final
	if err != nil || there.Mode.IsRegular() && there.Size == f.Size {
		if _, err := d.FS.Stat(part); err != nil {
			return nil
		}
		inTheWay = part
	}
	return fault.New(fault.ExitDisk, "exists", inTheWay+" is in the way, and is not ours", "move it elsewhere, then run the same command again", nil)
}
