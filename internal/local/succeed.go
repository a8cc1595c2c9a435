package local

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Next makes the object's next version, which is to take its place on the disk; wanted is by file of that, nil is all. Piece layers
// that the two have in common are known of it, besides those given.
func (b *Object) Next(info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, wanted []bool) (*Object, error) {
	all := make(map[metainfo.HashV2][]metainfo.HashV2)
	if info.PieceLength == b.Info.PieceLength {
		for root, layer := range b.Hashes.Layers() {
			all[root] = layer
		}
	}
	for root, layer := range layers {
		all[root] = layer
	}
	next := b.disk.New(b.id, info, all, wanted)
	var err error
	if next.Object, err = Renamed(info.Object(), b.Object.Name()); err != nil {
		return nil, err
	}
	if wanted != nil {
		next.side = b.disk.side(b.id)
	}
	return next, nil
}

// Common finds the files that are the same in the next version: for each of that, which one here has its path and its bytes, -1
// for none. Where no hash trees tell (BEP 52), files of equal size are hashed; b must be open.
func (b *Object) Common(ctx context.Context, next *Object) ([]int, error) {
	common, doubtful := make([]int, len(next.Info.Files)), make(map[int]int)
	here := b.byPath(next)
	for i, f := range next.Object.Files() {
		common[i] = -1
		j, ok := here[f.Path.String()]
		if !ok || b.Object.Files()[j].Size != f.Size {
			continue
		}
		was, is := b.Info.Files[j].Root, next.Info.Files[i].Root
		switch {
		case f.Size == 0 || was == is && was != (metainfo.HashV2{}):
			common[i] = j
		case (was == metainfo.HashV2{} || is == metainfo.HashV2{}) && b.Files.State(j) == store.Whole:
			doubtful[i] = j
		}
	}
	if len(doubtful) == 0 {
		return common, nil
	}
	return common, b.compare(ctx, next, doubtful, common)
}

// byPath finds files by their paths, if they lie side by side with those of the next version.
func (b *Object) byPath(next *Object) map[string]int {
	here := make(map[string]int)
	if b.Object.IsDir() == next.Object.IsDir() {
		for j, f := range b.Object.Files() {
			here[f.Path.String()] = j
		}
	}
	return here
}

// compare hashes files as those of the next version, and adds what is right to common.
func (b *Object) compare(ctx context.Context, next *Object, doubtful map[int]int, common []int) error {
	pieces := func(yield func(int) bool) {
		for p := range next.Layout.Pieces() {
			all := true
			for f := range next.Layout.Touches(p) {
				_, ok := doubtful[f]
				all = all && ok
			}
			if all && !yield(p) {
				return
			}
		}
	}
	read := func(p []byte, e content.Extent) error {
		err := b.Files.ReadAt(p, doubtful[e.File], e.Offset)
		if errors.Is(err, store.ErrMissing) || errors.Is(err, store.ErrChanged) {
			return torrent.ErrAbsent
		}
		return err
	}
	right := content.NewBitmap(next.Layout.Pieces())
	err := b.disk.hashAll(ctx, next.Hashes, torrent.Source{Read: read}, pieces, func(piece int, ok bool) {
		if ok {
			right.Set(piece)
		}
	})
	for i, j := range doubtful {
		first, end := next.Layout.FilePieces(i)
		same := true
		for p := first; p < end; p++ {
			same = same && right.Has(p)
		}
		if same {
			common[i] = j
		}
	}
	return err
}

// Succession is what the catalog is to know when the next version takes the place of b, whose files are settled. Files that both have
// go on as they are, and so do unfinished files under their names; all others of b are former files.
func (b *Object) Succession(ctx context.Context, next *Object, common []int) (whole catalog.Contents, err error) {
	rows, err := b.disk.Catalog.Files(ctx, b.id)
	if err != nil {
		return whole, err
	}
	verified, err := b.disk.Catalog.Verified(ctx, b.id)
	if err != nil {
		return whole, err
	}
	here := b.byPath(next)
	goesOn := make(map[int]bool)
	whole.Verified = make([]content.Ranges, len(next.Info.Files))
	for i, f := range next.Object.Files() {
		row := fileRow(f, store.Identity{}, false)
		j, known := here[f.Path.String()]
		if known && rows[j].Priority != catalog.Skip {
			row.Priority = rows[j].Priority
		}
		switch {
		case !next.Wants(i):
			row.Priority = catalog.Skip
		case common[i] >= 0 && b.lasts(j):
			goesOn[j] = true
			row.Identity, row.Finished, whole.Verified[i] = rows[j].Identity, rows[j].Finished, verified[j]
		case known && b.isBegun(j):
			goesOn[j] = true
		}
		whole.Files = append(whole.Files, row)
	}
	whole.Former = b.formerFiles(goesOn)
	whole.PieceLayers = next.Hashes.Layers()
	return whole, nil
}

// lasts reports whether a file has bytes to go on with, and is what it was.
func (b *Object) lasts(file int) bool {
	return b.isBegun(file) || b.Files.State(file) == store.Whole && b.Files.CheckFile(file) == nil
}

func (b *Object) isBegun(file int) bool {
	s := b.Files.State(file)
	return s == store.Partial || s == store.Doubtful
}

// formerFiles are those that do not go on, and those left over from the version before.
func (b *Object) formerFiles(goesOn map[int]bool) (list []catalog.FormerFile) {
	replaced := make(map[string]bool)
	for j := range b.Object.Files() {
		final, part := b.names(j)
		var f catalog.FormerFile
		switch {
		case b.Files.State(j) == store.Whole:
			replaced[final] = true
			f.Identity, f.Root = Recorded(b.Files.Identity(j)), b.Info.Files[j].Root
			f.Identity.Name = final
		case b.isBegun(j):
			f.Identity = b.disk.lookAt(filepath.Join(b.folder(), filepath.FromSlash(part)))
			f.Identity.Name = part
		default:
			continue
		}
		if !goesOn[j] {
			list = append(list, f)
		}
	}
	for _, f := range b.former {
		if !b.IsUpdating() {
			break // they are gone
		}
		if !replaced[f.Identity.Name] {
			list = append(list, f)
		}
	}
	return list
}

// Succeed makes of an object's record that of its next version.
func (b *Object) Succeed(r *catalog.Record) {
	r.InfoHash, r.Info, r.Private = b.Info.Hash, b.Info.Raw, b.Info.Private
	r.Dir, r.Size, r.Side = b.Object.IsDir(), b.Object.Size(), b.side
}
