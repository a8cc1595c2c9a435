// Package local is an object as it lies on this disk: what its metadata says, which of its files are wanted, where they are,
// and what of them is known to be right. It opens and reopens that, hashes what is in doubt, and makes durable what has
// arrived; it knows neither peers nor users.
//
// Two invariants. What the catalog has as verified has been hashed and synced before (promise 4.2), and hashed again if
// somebody may have written to it since. And what lies at an object's place without being the object is left alone.
package local

import (
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Disk is what all objects on this disk have in common.
type Disk struct {
	FS      vfs.FS
	Store   *store.Store
	Catalog *catalog.Catalog
	// Sides is the folder of the side files, in which bytes of files lie that were not selected.
	Sides string
	// Hashing has room for one token of each object whose files are being hashed: each takes all processors.
	Hashing chan struct{}
	// Displaced is told, by full paths, of what lay where a file of a new version belongs, and was moved aside. It may be nil.
	Displaced func(from, to string)
}

// side is the path of an object's side file.
func (d *Disk) side(id string) string { return filepath.Join(d.Sides, id) }

// Rows are the whole files of a share as the catalog keeps them, and that all of each is verified.
func Rows(obj content.Object, ids []store.Identity) (files []catalog.FileRow, verified []content.Ranges) {
	for i, f := range obj.Files() {
		files = append(files, fileRow(f, ids[i], true))
		var all content.Ranges
		all.Add(0, f.Size)
		verified = append(verified, all)
	}
	return files, verified
}

// fileRow is a file as the catalog keeps it: under the name it has on disk.
func fileRow(f content.File, id store.Identity, finished bool) catalog.FileRow {
	row := catalog.FileRow{Path: f.Path.String(), Size: f.Size, Priority: catalog.Normal, Finished: finished, Identity: Recorded(id)}
	if id.Name != "" {
		row.Path = id.Name
	}
	return row
}

// Recorded is an identity as the catalog keeps it.
func Recorded(id store.Identity) catalog.Identity {
	return catalog.Identity{Size: id.Size, ModTime: id.ModTime, Changed: id.Changed, Inode: id.Inode, Device: id.Device}
}

// IdentityOf is the identity that the catalog has of a file; zero if it has none.
func IdentityOf(row catalog.FileRow) store.Identity {
	id := row.Identity
	if (id == catalog.Identity{}) {
		return store.Identity{}
	}
	return store.Identity{Name: row.Path, Size: id.Size, ModTime: id.ModTime, Changed: id.Changed, Inode: id.Inode, Device: id.Device}
}

// lookAt is the identity of a file; none if it cannot be told.
func (d *Disk) lookAt(name string) catalog.Identity {
	info, err := d.FS.Stat(name)
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

// Reserve is how much of a disk is left free, in bytes.
const Reserve = 16 << 20
