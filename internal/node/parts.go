package node

import (
	"context"
	"path"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/store"
)

// names are a fetched file's final name and its name until then, with slashes, below the folder that the object is in.
func (b *body) names(file int) (final, part string) {
	name := b.object.Files()[file].Path
	final, part = name.String(), name.Part().String()
	if b.object.IsDir() {
		own := b.object.Name().String()
		return path.Join(own, final), path.Join(own, part)
	}
	return final, part
}

// unfinished yields the path of the file in which bytes of an unfinished file lie, or of one that was not selected.
func (b *body) unfinished(file int, side string) (name string, ok bool) {
	switch b.files.State(file) {
	case store.Partial:
		_, part := b.names(file)
		return filepath.Join(filepath.Dir(b.files.Path()), filepath.FromSlash(part)), true
	case store.Aside:
		return side, side != ""
	}
	return "", false
}

// leaveUnfinished records what unfinished files are like when the node lets go of them, so that another run sees whether
// anybody wrote to them since.
func (n *Node) leaveUnfinished(ctx context.Context, o *object, b *body) error {
	ids := make(map[int]catalog.Identity)
	for i := range b.object.Files() {
		if name, ok := b.unfinished(i, o.theRecord().Side); ok {
			ids[i] = n.lookAt(name)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return n.catalog.SetIdentity(ctx, o.id, ids)
}

// untouched reports whether an unfinished file is as it was left. After a crash it is not: nobody has seen it last.
func (n *Node) untouched(o *object, b *body, file int, row catalog.FileRow) bool {
	name, ok := b.unfinished(file, o.theRecord().Side)
	return ok && row.Identity != (catalog.Identity{}) && n.lookAt(name) == row.Identity
}

// lookAt is the identity of a file; none if it cannot be told.
func (n *Node) lookAt(name string) catalog.Identity {
	info, err := n.cfg.FS.Stat(name)
	if err != nil || !info.Mode.IsRegular() {
		return catalog.Identity{}
	}
	return catalog.Identity{
		Size: info.Size, ModTime: nanos(info.ModTime), Changed: nanos(info.Changed), Inode: info.Inode, Device: info.Device,
	}
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
