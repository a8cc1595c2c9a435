package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// findPlace chooses the name under which an object is stored: its own, unless something else has it, else the first of
// "NAME (1)", "NAME (2)" that is free. What lies there already and is right is taken over.
func (n *Node) findPlace(ctx context.Context, o *object, b *body, layers map[metainfo.HashV2][]metainfo.HashV2) error {
	r := o.theRecord()
	side := filepath.Join(n.cfg.Home, "side", o.id)
	if b.wanted != nil {
		if err := n.cfg.FS.MkdirAll(filepath.Dir(side)); err != nil {
			return err
		}
	}
	var taken error
	for try := range maxNames {
		as := numbered(b.info.Name, try)
		if !n.claim(filepath.Join(r.Root, as.String()), o) {
			continue
		}
		obj, err := renamed(b.info.Object(), as)
		if err != nil {
			return err
		}
		files, err := n.store.OpenFetched(r.Root, obj, store.FetchOptions{As: as, Selected: b.wanted, Side: side})
		if errors.Is(err, store.ErrExists) {
			taken = err
			continue
		}
		if err != nil {
			return err
		}
		b.object, b.files = obj, files
		ours, err := n.isOurs(ctx, b)
		if err != nil {
			files.Close()
			return err
		}
		if ours {
			err := n.recordPlace(ctx, o, b, layers, side)
			if err != nil {
				files.Close()
			}
			return err
		}
		files.Close()
	}
	return &Error{"exists", fmt.Sprintf("%s exists in %s, and so do all its numbered names", b.info.Name, r.Root), "choose another folder with -o", ExitDisk, taken}
}

const maxNames = 100

// claim reserves a path for an object, which gives up the one it had reserved before; false if another object has it.
func (n *Node) claim(path string, o *object) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if other := n.places[path]; other != nil {
		return other == o
	}
	maps.DeleteFunc(n.places, func(_ string, x *object) bool { return x == o })
	n.places[path] = o
	return true
}

// isOurs decides about files that lie at the object's place already: they are taken over if they are the whole object and
// every byte is right, and left alone otherwise.
func (n *Node) isOurs(ctx context.Context, b *body) (bool, error) {
	found := false
	for i := range b.object.Files() {
		found = found || b.files.State(i) == store.Found
	}
	if !found {
		// A folder with other things in it is the user's.
		_, err := n.cfg.FS.Stat(b.files.Path())
		return err != nil, nil
	}
	complete := true
	wantedPieces := func(yield func(int) bool) {
		for i := range b.layout.Pieces() {
			if b.wantsPiece(i) && !yield(i) {
				return
			}
		}
	}
	err := n.verifyAll(ctx, b, wantedPieces, func(_ int, ok bool) { complete = complete && ok })
	return complete, err
}

// recordPlace writes down where the object is put, before anything is written there.
func (n *Node) recordPlace(ctx context.Context, o *object, b *body, layers map[metainfo.HashV2][]metainfo.HashV2, side string) error {
	rows := make([]catalog.FileRow, len(b.object.Files()))
	for i, f := range b.object.Files() {
		rows[i] = fileRow(f, store.Identity{}, false)
		if !b.wants(i) {
			rows[i].Priority = catalog.Skip
		}
	}
	if err := n.catalog.SetFiles(ctx, o.id, rows); err != nil {
		return err
	}
	if len(layers) > 0 {
		if err := n.catalog.SetPieceLayers(ctx, o.id, layers); err != nil {
			return err
		}
	}
	return n.update(ctx, o, func(r *catalog.Record) {
		r.Name, r.Dir, r.Size = b.object.Name().String(), b.object.IsDir(), b.object.Size()
		r.InfoHash, r.Info, r.Private = b.info.Hash, b.info.Raw, b.info.Private
		if b.wanted != nil {
			r.Side = side
		}
	})
}

// renamed is the object under another name.
func renamed(obj content.Object, as content.Path) (content.Object, error) {
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
