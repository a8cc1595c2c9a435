// Package relocate takes the files of a fetched object to another folder, on the same file system or another. At every
// moment, and after a crash at any moment, each file is whole in one of three folders: the old, the new, or the staging
// folder beside the new place.
package relocate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Move takes what there is of a fetched object from one folder to another, by way of a staging folder beside its place
// there.
//
//	Look       nothing is in the way, nothing has been touched
//	Begin      makes the staging folder NAME.moving
//	Copy       between file systems: copies finished files, while the object is in use
//	Stage      takes everything else there; the object is closed
//	Publish    gives it its name; from here on it goes forward
//	Settle     makes that durable
//	Clean      removes what was copied
//
// Until Publish, [Move.Undo] takes everything back. Undo, or Publish and what follows, may also be called on a Move made
// anew after a crash, as often as needed: they go by what they find on the disk. Which of the two is for the caller to
// write down before it calls Publish. The side file stays where it is. A Move is for one goroutine at a time.
type Move struct {
	fs       vfs.FS
	obj      content.Object
	as       content.Path
	from, to string
	base     string // the staging folder's name

	copied map[int]store.Identity // of the files that were copied
	taken  map[int]string         // by file: its name in the staging folder, where we put it
	buf    []byte
}

// movingSuffix ends the name of a staging folder.
const movingSuffix = ".moving"

// copyChunk is how much is copied at once; zeroChunk the run of zeros that is left out of it, as a hole.
const (
	copyChunk = 1 << 20
	zeroChunk = 64 << 10
)

var zeros [zeroChunk]byte

// New makes a move of an object, fetched under the name as into the folder from, to the folder to.
func New(fsys vfs.FS, obj content.Object, as content.Path, from, to string) *Move {
	return &Move{
		fs: fsys, obj: obj, as: as, from: from, to: to, base: content.MakePath(as.String() + movingSuffix).String(),
		copied: map[int]store.Identity{}, taken: map[int]string{},
	}
}

// Look reports whether the names that the object needs in the new folder are free: ErrExists if not.
func (m *Move) Look() error {
	err := m.in(m.to, func(r vfs.Root) error {
		for _, name := range append(m.tops(), m.base) {
			if _, err := r.Lstat(name); err == nil {
				return fmt.Errorf("%s: %w", filepath.Join(m.to, name), store.ErrExists)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrMissing) {
		return nil
	}
	return err
}

// Across reports whether the two folders are on different file systems, so that files have to be copied.
func (m *Move) Across() (bool, error) {
	from, err := device(m.fs, m.from)
	if err != nil {
		return false, err
	}
	to, err := device(m.fs, m.to)
	return from != to, err
}

// device is that of a folder, or of the one above it in which it would be made.
func device(fsys vfs.FS, dir string) (uint64, error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		info, err := fsys.Stat(d)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(d) != d {
			continue
		}
		return info.Device, store.ErrorOf("stat", d, err)
	}
}

// Begin makes the staging folder, and the new folder if it is missing. If it fails there is nothing to undo.
func (m *Move) Begin() error {
	if err := m.fs.MkdirAll(m.to); err != nil {
		return store.ErrorOf("mkdir", m.to, err)
	}
	return m.in(m.to, func(r vfs.Root) error {
		if err := r.Mkdir(m.base); err != nil {
			return store.ErrorOf("mkdir", m.stage(), err)
		}
		if err := r.SyncDir("."); err != nil {
			return store.ErrorOf("sync", m.to, errors.Join(err, r.Remove(m.base)))
		}
		return nil
	})
}

// Copy copies the finished files of an object, which may be in use, and leaves out those that it has copied before. A file that
// has changed is ErrChanged. Advance is told of bytes copied; it may be nil.
func (m *Move) Copy(ctx context.Context, o *store.Object, advance func(bytes int64)) error {
	return m.in(m.stage(), func(stage vfs.Root) error {
		for i := range m.obj.Files() {
			if o.State(i) != store.Whole {
				continue
			}
			done, err := m.copiedAs(o, i, stage)
			if err == nil && !done {
				err = m.copyFile(ctx, o, i, stage, advance)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// copiedAs reports whether a file has been copied as it is. A copy of what it was before is removed.
func (m *Move) copiedAs(o *store.Object, i int, stage vfs.Root) (bool, error) {
	was, ok := m.copied[i]
	if !ok || o.State(i) == store.Whole && was == o.Identity(i) {
		return ok, nil
	}
	return false, m.drop(i, stage)
}

// drop removes a copy.
func (m *Move) drop(i int, stage vfs.Root) error {
	if err := stage.Remove(m.taken[i]); err != nil {
		return store.ErrorOf("remove", filepath.Join(m.stage(), m.taken[i]), err)
	}
	delete(m.copied, i)
	delete(m.taken, i)
	return nil
}

// Stage takes everything of an object to the staging folder that Copy has not taken, and makes it durable. The object must
// be closed, and stay so. A finished file that has changed is ErrChanged.
func (m *Move) Stage(ctx context.Context, o *store.Object, advance func(bytes int64)) error {
	if !o.IsFetched() {
		return store.ErrShared
	}
	if err := o.Check(); err != nil {
		return err
	}
	err := m.in(m.stage(), func(stage vfs.Root) error {
		if err := m.makeFolders(o, stage); err != nil {
			return err
		}
		for i := range m.obj.Files() {
			if err := m.stageFile(ctx, o, i, stage, advance); err != nil {
				return err
			}
		}
		return m.syncStage(stage)
	})
	if err != nil {
		return err
	}
	err = m.in(m.to, func(r vfs.Root) error { return store.ErrorOf("sync", m.to, r.SyncDir(".")) })
	return errors.Join(err, ctx.Err())
}

// makeFolders makes the object's folders in the staging folder, durably: a file that is renamed into one that a power loss takes away
// would be lost with it.
func (m *Move) makeFolders(o *store.Object, stage vfs.Root) error {
	for i := range m.obj.Files() {
		if s := o.State(i); s == store.Absent || s == store.Aside {
			continue
		}
		if err := store.MakeFolders(stage, path.Dir(m.names(i)[0])); err != nil {
			return store.ErrorOf("mkdir", m.stage(), err)
		}
	}
	return m.syncNames(stage)
}

func (m *Move) stageFile(ctx context.Context, o *store.Object, i int, stage vfs.Root, advance func(int64)) error {
	if done, err := m.copiedAs(o, i, stage); done || err != nil {
		return err
	}
	if s := o.State(i); s == store.Absent || s == store.Aside {
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var name string
	err := o.At(i, func(from vfs.Root, as string) error {
		name = as
		return from.MoveNoReplace(name, stage, name)
	})
	if errors.Is(err, vfs.ErrOtherDisk) {
		return m.copyFile(ctx, o, i, stage, advance)
	}
	if err != nil {
		return store.ErrorOf("rename", o.FullName(i), err)
	}
	m.taken[i] = name
	info, err := stage.Lstat(name)
	if err != nil {
		return store.ErrorOf("stat", filepath.Join(m.stage(), name), err)
	}
	if id := o.Identity(i); !id.IsZero() && !id.MatchesMoved(store.IdentityOf("", info)) {
		return fmt.Errorf("%s: %w", o.FullName(i), store.ErrChanged)
	}
	return nil
}

// copyFile copies one file, durably but for its name.
func (m *Move) copyFile(ctx context.Context, o *store.Object, i int, stage vfs.Root, advance func(int64)) error {
	var src vfs.File
	var name string
	err := o.At(i, func(from vfs.Root, as string) (err error) {
		name = as
		src, err = from.OpenFile(name, os.O_RDONLY, 0)
		return err
	})
	if err != nil {
		return store.ErrorOf("open", o.FullName(i), err)
	}
	defer src.Close() // it was only read
	before, err := src.Stat()
	if err != nil {
		return store.ErrorOf("stat", o.FullName(i), err)
	}
	id := o.Identity(i)
	if !id.IsZero() && !id.Matches(store.IdentityOf("", before)) {
		return fmt.Errorf("%s: %w", o.FullName(i), store.ErrChanged)
	}
	if err := store.MakeFolders(stage, path.Dir(name)); err != nil {
		return store.ErrorOf("mkdir", m.stage(), err)
	}
	dst, err := stage.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, before.Mode.Perm())
	if err != nil {
		return store.ErrorOf("create", filepath.Join(m.stage(), name), err)
	}
	m.copied[i], m.taken[i] = id, name
	if err = m.pour(ctx, src, dst, o.FullName(i), filepath.Join(m.stage(), name), before.Size, advance); err == nil {
		err = m.seal(stage, dst, name, before.ModTime)
	} else {
		dst.Close() // the first error says what is wrong
	}
	if err == nil {
		var after vfs.Info
		if after, err = src.Stat(); err == nil && after != before {
			err = fmt.Errorf("%s: %w", o.FullName(i), store.ErrChanged)
		}
	}
	if err != nil {
		return errors.Join(err, m.drop(i, stage))
	}
	return nil
}

// seal makes a copy durable, and as old as the original.
func (m *Move) seal(stage vfs.Root, dst vfs.File, name string, modified time.Time) error {
	dest := filepath.Join(m.stage(), name)
	err := store.ErrorOf("chtimes", dest, stage.SetModTime(name, modified))
	if err == nil {
		err = store.ErrorOf("sync", dest, dst.Datasync())
	}
	if closed := dst.Close(); err == nil {
		err = store.ErrorOf("close", dest, closed)
	}
	return err
}

// pour copies bytes. Zeros are left out: the target has its size already, and reads as zeros.
func (m *Move) pour(ctx context.Context, src, dst vfs.File, from, to string, size int64, advance func(int64)) error {
	if err := dst.Truncate(size); err != nil {
		return store.ErrorOf("resize", to, err)
	}
	if m.buf == nil {
		m.buf = make([]byte, copyChunk)
	}
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := m.buf[:min(size-off, copyChunk)]
		if _, err := src.ReadAt(p, off); err != nil {
			return store.ErrorOf("read", from, err)
		}
		for at := 0; at < len(p); at += zeroChunk {
			q := p[at:min(at+zeroChunk, len(p))]
			if bytes.Equal(q, zeros[:len(q)]) {
				continue
			}
			if _, err := dst.WriteAt(q, off+int64(at)); err != nil {
				return store.ErrorOf("write", to, err)
			}
		}
		off += int64(len(p))
		if advance != nil {
			advance(int64(len(p)))
		}
	}
	return nil
}

// syncStage makes durable what is in the staging folder: names, and the times of copies, which a sync of the file alone
// leaves out.
func (m *Move) syncStage(stage vfs.Root) error {
	if len(m.copied) > 0 {
		err := stage.SyncAll()
		if !errors.Is(err, errors.ErrUnsupported) {
			return store.ErrorOf("sync", m.stage(), err)
		}
	}
	return m.syncNames(stage)
}

// syncNames makes the names in the staging folder durable.
func (m *Move) syncNames(stage vfs.Root) error {
	for dir := range m.folders() {
		if err := stage.SyncDir(dir); err != nil && !gone(err) {
			return store.ErrorOf("sync", filepath.Join(m.stage(), dir), err)
		}
	}
	return store.ErrorOf("sync", m.stage(), stage.SyncDir("."))
}

// stage is the path of the staging folder.
func (m *Move) stage() string { return filepath.Join(m.to, m.base) }

// tops are the names right in the old, staging and new folder that the object has, if they are there.
func (m *Move) tops() []string {
	if m.obj.IsDir() {
		return []string{m.as.String()}
	}
	return []string{m.as.String(), m.as.Part().String()}
}

// names are the two that a file may have.
func (m *Move) names(i int) [2]string {
	if !m.obj.IsDir() {
		return [2]string{m.as.String(), m.as.Part().String()}
	}
	p := m.obj.Files()[i].Path
	return [2]string{m.as.String() + "/" + p.String(), m.as.String() + "/" + p.Part().String()}
}

// in runs use on an open folder.
func (m *Move) in(dir string, use func(vfs.Root) error) error {
	r, err := m.fs.OpenRoot(dir)
	if err != nil {
		return store.ErrorOf("open", dir, err)
	}
	return errors.Join(use(r), r.Close())
}
