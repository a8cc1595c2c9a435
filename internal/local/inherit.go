package local

import (
	"context"
	"errors"
	"path"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/store/former"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// reopenSuccession finds what an object that follows a feed needs to take the place of its former version; nil if it follows none.
func (b *Object) reopenSuccession(ctx context.Context, r catalog.Record) (*store.Succession, error) {
	if r.Feed.Role != catalog.Followed {
		return nil, nil
	}
	b.succeeds = true
	var err error
	if b.former, err = b.disk.Catalog.FormerFiles(ctx, b.id); err != nil {
		return nil, err
	}
	b.updating.Store(len(b.former) > 0)
	s := &store.Succession{Former: b.formerIdentities(), Displaced: b.disk.Displaced}
	return s, former.New(b.disk.FS, r.Root, s.Former).Clear(b.Object, b.Object.Name(), s.Displaced)
}

func (b *Object) formerIdentities() []store.Identity {
	ids := make([]store.Identity, len(b.former))
	for i, f := range b.former {
		id := f.Identity
		ids[i] = store.Identity{Name: id.Name, Size: id.Size, ModTime: id.ModTime, Changed: id.Changed, Inode: id.Inode, Device: id.Device}
	}
	return ids
}

// folder is the one that the object's own name is in.
func (b *Object) folder() string { return filepath.Dir(b.Files.Path()) }

// IsUpdating reports whether there may be files of a former version.
func (b *Object) IsUpdating() bool { return b.updating.Load() }

// Sweep removes what is left of the former version, when the object is whole.
func (b *Object) Sweep(ctx context.Context) error {
	if !b.IsUpdating() {
		return nil
	}
	if err := former.New(b.disk.FS, b.folder(), b.formerIdentities()).Sweep(); err != nil {
		return err
	}
	if err := b.disk.Catalog.ForgetFormerFiles(ctx, b.id); err != nil {
		return err
	}
	b.updating.Store(false)
	return nil
}

// Inherit takes over from the former version, and from other files of the object, every piece that is right there, and adds it
// to what is verified, by file. What is taken over is hashed in memory and written, as if it had been fetched.
func (b *Object) Inherit(ctx context.Context, verified []content.Ranges) error {
	if !b.succeeds || b.Whole() {
		return nil
	}
	in := inheritance{Object: b, verified: verified, old: former.New(b.disk.FS, b.folder(), b.formerIdentities())}
	defer in.old.Close()
	if err := in.begin(); err != nil {
		return err
	}
	select {
	case b.disk.Hashing <- struct{}{}:
		defer func() { <-b.disk.Hashing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	have := b.Layout.Complete(verified)
	for piece := range b.Layout.Pieces() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if have.Has(piece) || !b.wantsPiece(piece) {
			continue
		}
		if err := in.take(piece); err != nil {
			return err
		}
	}
	return nil
}

// inheritance is one run of Inherit.
type inheritance struct {
	*Object
	verified []content.Ranges
	old      *former.Files
	from     []origin // by file
	buf      []byte
	segments []torrent.Segment
}

// origin is where the bytes of a file may be found: in a former file, or in a file of the object itself.
type origin struct {
	former, own int // -1 for none
}

// begin finds out where to look for what, and makes way for files that lie where they are and are not right.
func (in *inheritance) begin() error {
	byRoot, whole := make(map[metainfo.HashV2]int), make(map[metainfo.HashV2]int)
	byName, byBase, bySize := make(map[string]int), make(map[sized]int), make(map[int64]int)
	for k, f := range in.former {
		byName[f.Identity.Name] = k
		bySize[f.Identity.Size] = k
		byBase[sized{path.Base(f.Identity.Name), f.Identity.Size}] = k
		if f.Root != (metainfo.HashV2{}) {
			byRoot[f.Root] = k
		}
	}
	for i, f := range in.Info.Files {
		if f.Root != (metainfo.HashV2{}) && in.Files.State(i) == store.Whole {
			whole[f.Root] = i
		}
	}
	in.from = make([]origin, len(in.Info.Files))
	for i, f := range in.Object.Object.Files() {
		in.from[i] = origin{-1, -1}
		switch in.Files.State(i) {
		case store.Whole:
			in.from[i].own = i
			continue
		case store.Found:
			if in.verified[i].Contains(0, f.Size) {
				in.from[i].own = i
				continue
			}
			if err := in.Files.Displace(i); err != nil {
				return err
			}
			in.verified[i] = content.Ranges{}
		}
		final, _ := in.names(i)
		if own, ok := whole[in.Info.Files[i].Root]; ok {
			in.from[i].own = own
		} else if k, ok := byRoot[in.Info.Files[i].Root]; ok {
			in.from[i].former = k
		} else if k, ok := byName[final]; ok {
			in.from[i].former = k
		} else if k, ok := byBase[sized{path.Base(final), f.Size}]; ok {
			in.from[i].former = k
		} else if k, ok := bySize[f.Size]; ok && in.Info.Files[i].Root == (metainfo.HashV2{}) {
			in.from[i].former = k // renamed, perhaps
		}
	}
	return nil
}

type sized struct {
	name string
	size int64
}

// take takes one piece over, if it is right.
func (in *inheritance) take(piece int) error {
	size := in.Layout.Need(piece)
	if cap(in.buf) < size {
		in.buf = make([]byte, size)
	}
	data := in.buf[:size]
	in.segments = in.Layout.Segments(in.segments[:0], piece, 0, size)
	at := data
	for _, s := range in.segments {
		p := at[:s.Len()]
		at = at[s.Len():]
		clear(p[s.Extent.Length:]) // padding
		if ok, err := in.read(p[:s.Extent.Length], s.Extent); !ok || err != nil {
			return err
		}
	}
	if !in.Hashes.Check(piece, data).OK {
		return nil
	}
	at = data
	for _, s := range in.segments {
		e, p := s.Extent, at[:s.Extent.Length]
		at = at[s.Len():]
		if e.Length == 0 {
			continue
		}
		if err := in.Files.WriteAt(p, e.File, e.Offset); err != nil {
			return err
		}
		in.Files.Verified(e)
		in.verified[e.File].Add(e.Offset, e.End())
	}
	return nil
}

// read reads where the bytes of an extent may be; false if there is nothing.
func (in *inheritance) read(p []byte, e content.Extent) (bool, error) {
	if e.Length == 0 {
		return true, nil
	}
	from := in.from[e.File]
	var err error
	switch {
	case in.verified[e.File].Contains(e.Offset, e.End()):
		err = in.Files.ReadAt(p, e.File, e.Offset)
	case from.own >= 0:
		err = in.Files.ReadAt(p, from.own, e.Offset)
	case from.former >= 0 && e.End() <= in.former[from.former].Identity.Size:
		err = in.old.ReadAt(p, from.former, e.Offset)
	default:
		return false, nil
	}
	if errors.Is(err, store.ErrMissing) || errors.Is(err, store.ErrChanged) {
		return false, nil
	}
	return err == nil, err
}
