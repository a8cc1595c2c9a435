package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Object is an object with its metadata. Its exported fields do not change once it is in motion.
type Object struct {
	Info   *metainfo.Info
	Layout *torrent.Layout
	Hashes *torrent.Hashes
	Object content.Object // under the name it has on disk
	Files  *store.Object
	Intake *intake.Intake // by which it is fetched; nil for a share

	id     string
	disk   *Disk
	wanted []bool // by file; nil is all
	side   string // the path of its side file; empty if it has none
	// proven are the pieces that were found right in files that lay at its place already.
	proven content.Bitmap
	// settled are the unfinished files that are as an earlier run left them: nothing in them is right but what is recorded.
	settled []bool // by file; nil is none
	// succeeds says that it takes the place of its former version, whose files former are.
	succeeds bool
	former   []catalog.FormerFile
	updating atomic.Bool // there may be files of it

	// The keeper's alone.
	layersKept bool // the catalog has all piece layers
	noted      bool // the catalog knows what unfinished files are like

	mu         sync.Mutex
	priorities []catalog.Priority // by file; nil if none is special
}

// New makes an object of its metadata. It has no files before it has found its place or is reopened; wanted is by file, nil
// is all.
func (d *Disk) New(id string, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, wanted []bool) *Object {
	b := &Object{id: id, disk: d, Info: info, Layout: torrent.New(info), Object: info.Object(), wanted: wanted}
	b.Hashes = torrent.NewHashes(info, b.Layout, layers)
	return b
}

// Shared makes an object of the user's own files, which are open.
func (d *Disk) Shared(id string, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, files *store.Object) *Object {
	b := d.New(id, info, layers, nil)
	b.Files = files
	return b
}

// Wants reports whether a file is wanted.
func (b *Object) Wants(file int) bool { return b.wanted == nil || b.wanted[file] }

// wantsPiece reports whether a piece has bytes of a wanted file.
func (b *Object) wantsPiece(piece int) bool {
	if b.wanted == nil {
		return true
	}
	for f := range b.Layout.Touches(piece) {
		if b.wanted[f] {
			return true
		}
	}
	return false
}

// Whole reports whether all wanted files have their final names.
func (b *Object) Whole() bool {
	for i := range b.Object.Files() {
		if b.Wants(i) && b.Files.State(i) != store.Whole {
			return false
		}
	}
	return true
}

// names are a fetched file's final name and its name until then, with slashes, below the folder that the object is in.
func (b *Object) names(file int) (final, part string) {
	name := b.Object.Files()[file].Path
	final, part = name.String(), name.Part().String()
	if b.Object.IsDir() {
		own := b.Object.Name().String()
		return path.Join(own, final), path.Join(own, part)
	}
	return final, part
}

// unfinished yields the path of the file in which bytes of an unfinished file lie, or of one that was not selected.
func (b *Object) unfinished(file int) (name string, ok bool) {
	switch b.Files.State(file) {
	case store.Partial:
		_, part := b.names(file)
		return filepath.Join(filepath.Dir(b.Files.Path()), filepath.FromSlash(part)), true
	case store.Aside:
		return b.side, b.side != ""
	}
	return "", false
}

// CheckRoom refuses a fetch that the disk cannot hold; verified is by file.
func (b *Object) CheckRoom(verified []content.Ranges) error {
	var missing int64
	for i, f := range b.Object.Files() {
		if b.Wants(i) {
			missing += f.Size - verified[i].Total()
		}
	}
	dir := filepath.Dir(b.Files.Path())
	free, err := b.disk.Store.Free(dir)
	if errors.Is(err, errors.ErrUnsupported) || missing == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if missing > free-Reserve {
		return fault.New(fault.ExitDisk, "disk-full", fmt.Sprintf("%d bytes are missing and only %d are free in %s", missing, free, dir),
			"free some space, or choose another folder with -o", nil)
	}
	return nil
}

// Delete deletes the files of a fetched object. It is no error that they are gone.
func (b *Object) Delete() error {
	defer b.Files.Close()
	left := b.Sweep(context.Background())
	if err := b.Files.Delete(); !errors.Is(err, store.ErrMissing) {
		return errors.Join(left, err)
	}
	return left
}

// DropSide removes an object's side file: bytes of files that were not selected are of no use to anybody once it is forgotten.
func (d *Disk) DropSide(side string) error {
	root, err := d.FS.OpenRoot(filepath.Dir(side))
	if err == nil {
		err = errors.Join(root.Remove(filepath.Base(side)), root.Close())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// IsAsShared reports whether what lies on the disk now, by Store.Adopt, is what was shared, file by file.
func (b *Object) IsAsShared(obj content.Object, ids []store.Identity) bool {
	old := b.Files.Identities()
	if len(old) != len(ids) || obj.IsDir() != b.Object.IsDir() {
		return false
	}
	byName := make(map[string]store.Identity, len(old))
	for i, id := range old {
		byName[diskName(b.Object, i, id)] = id
	}
	for i, id := range ids {
		was, ok := byName[diskName(obj, i, id)]
		if !ok || !was.Matches(id) {
			return false
		}
	}
	return true
}

func diskName(obj content.Object, i int, id store.Identity) string {
	if !obj.IsDir() {
		return ""
	}
	if id.Name != "" {
		return id.Name
	}
	return obj.Files()[i].Path.String()
}

// leaveUnfinished records what unfinished files are like when nobody writes to them any more, so that another run sees
// whether anybody wrote to them since.
func (b *Object) leaveUnfinished(ctx context.Context) error {
	ids := make(map[int]catalog.Identity)
	for i := range b.Object.Files() {
		if name, ok := b.unfinished(i); ok {
			ids[i] = b.disk.lookAt(name)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return b.disk.Catalog.SetIdentity(ctx, b.id, ids)
}
