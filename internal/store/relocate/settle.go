package relocate

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// IdentitiesIn are the identities that the files of an object have in a folder, finished or not; zero for one that is not
// there, or there twice.
func IdentitiesIn(fsys vfs.FS, dir string, obj content.Object, as content.Path) ([]store.Identity, error) {
	m := New(fsys, obj, as, dir, dir)
	ids := make([]store.Identity, len(obj.Files()))
	err := m.in(dir, func(r vfs.Root) error {
		for i := range ids {
			there := 0
			for _, name := range m.names(i) {
				info, err := r.Lstat(name)
				if err == nil && info.Mode.IsRegular() {
					ids[i] = store.IdentityOf("", info)
					there++
				} else if err != nil && !gone(err) {
					return store.ErrorOf("stat", filepath.Join(dir, name), err)
				}
			}
			if there > 1 {
				ids[i] = store.Identity{}
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrMissing) {
		return ids, nil
	}
	return ids, err
}

// gone reports whether there is nothing under a name.
func gone(err error) bool { return errors.Is(store.ErrorOf("", "", err), store.ErrMissing) }

// Staged are the identities of the files in the staging folder.
func (m *Move) Staged() ([]store.Identity, error) { return IdentitiesIn(m.fs, m.stage(), m.obj, m.as) }

// Publish gives the object its name in the new folder, or fails and leaves it in the staging folder. ErrExists if the name
// has been taken.
func (m *Move) Publish() error {
	return m.in(m.to, func(r vfs.Root) error {
		for _, top := range m.tops() {
			staged := m.base + "/" + top
			if _, err := r.Lstat(staged); gone(err) {
				continue
			} else if err != nil {
				return store.ErrorOf("stat", filepath.Join(m.to, staged), err)
			}
			if err := r.RenameNoReplace(staged, top); err != nil {
				return store.ErrorOf("rename", filepath.Join(m.to, top), err)
			}
		}
		return nil
	})
}

// Settle makes durable what Publish did, and removes the staging folder.
func (m *Move) Settle() error {
	return m.in(m.to, func(r vfs.Root) error {
		if err := r.SyncDir("."); err != nil {
			return store.ErrorOf("sync", m.to, err)
		}
		if err := r.SyncDir(m.base); err != nil && !gone(err) {
			return store.ErrorOf("sync", m.stage(), err)
		}
		// If something is in it that is not ours, it stays.
		_ = r.Remove(m.base)
		return store.ErrorOf("sync", m.to, r.SyncDir("."))
	})
}

// Clean removes from the old folder what was copied, and the folders that are empty then. A file that is not what was
// copied stays, and is reported as ErrChanged at the end.
func (m *Move) Clean() error {
	if m.sameFolder() {
		return nil
	}
	err := m.in(m.from, func(from vfs.Root) error {
		var failed error
		if err := m.in(m.to, func(to vfs.Root) error {
			for i := range m.obj.Files() {
				for _, name := range m.names(i) {
					failed = errors.Join(failed, m.cleanFile(from, to, name))
				}
			}
			return nil
		}); err != nil {
			return err
		}
		m.removeFolders(from)
		return errors.Join(failed, store.ErrorOf("sync", m.from, m.syncOld(from)))
	})
	if errors.Is(err, store.ErrMissing) {
		return nil
	}
	return err
}

// sameFolder reports whether the two folders are one, by two names.
func (m *Move) sameFolder() bool {
	from, err := m.fs.Stat(m.from)
	if err != nil {
		return false
	}
	to, err := m.fs.Stat(m.to)
	return err == nil && (m.from == m.to || from.Inode != 0 && from.Same(to))
}

func (m *Move) cleanFile(from, to vfs.Root, name string) error {
	moved, err := to.Lstat(name)
	if gone(err) {
		return nil
	}
	if err != nil {
		return store.ErrorOf("stat", filepath.Join(m.to, name), err)
	}
	old, err := from.Lstat(name)
	switch {
	case gone(err):
		return nil
	case err != nil:
		return store.ErrorOf("stat", filepath.Join(m.from, name), err)
	case !sameCopy(old, moved):
		return fmt.Errorf("%s: %w", filepath.Join(m.from, name), store.ErrChanged)
	}
	return store.ErrorOf("remove", filepath.Join(m.from, name), from.Remove(name))
}

// timeGrain is how coarse a file system may keep times; FAT counts by two seconds.
const timeGrain = 2 * time.Second

// sameCopy reports whether one file is the copy of another, as far as their descriptions tell.
func sameCopy(a, b vfs.Info) bool {
	return a.Mode.IsRegular() && b.Mode.IsRegular() && a.Size == b.Size && a.ModTime.Sub(b.ModTime).Abs() <= timeGrain
}

// Undo takes back what is in the staging folder, and removes that. What was copied is removed only where the original is
// seen; ids are the identities of the originals, zero where they are not known. What cannot be taken back stays, and is
// reported.
func (m *Move) Undo(ids []store.Identity) error {
	err := m.in(m.to, func(to vfs.Root) error {
		info, err := to.Lstat(m.base)
		if gone(err) || err == nil && !info.Mode.IsDir() {
			return nil
		}
		if err := m.fs.MkdirAll(m.from); err != nil {
			return store.ErrorOf("mkdir", m.from, err)
		}
		failed := m.in(m.from, func(from vfs.Root) error {
			return m.in(m.stage(), func(stage vfs.Root) error { return m.undo(from, stage, ids) })
		})
		if failed == nil {
			failed = store.ErrorOf("remove", m.stage(), to.Remove(m.base))
		}
		return errors.Join(failed, store.ErrorOf("sync", m.to, to.SyncDir(".")))
	})
	if errors.Is(err, store.ErrMissing) && !m.there() {
		return nil // the new folder is not there any more, and nothing in it to be taken back
	}
	return err
}

func (m *Move) there() bool {
	_, err := m.fs.Stat(m.to)
	return err == nil
}

func (m *Move) undo(from, stage vfs.Root, ids []store.Identity) error {
	var failed error
	for i := range m.obj.Files() {
		for _, name := range m.names(i) {
			var id store.Identity
			if i < len(ids) {
				id = ids[i]
			}
			failed = errors.Join(failed, m.takeBack(from, stage, i, name, id))
		}
	}
	// First the old names: the staging folder is what tells that there is something to undo.
	failed = errors.Join(failed, store.ErrorOf("sync", m.from, m.syncOld(from)))
	if failed == nil {
		m.removeFolders(stage)
	}
	return failed
}

func (m *Move) takeBack(from, stage vfs.Root, i int, name string, id store.Identity) error {
	staged, err := stage.Lstat(name)
	if gone(err) {
		return nil
	}
	here := filepath.Join(m.stage(), name)
	if err != nil {
		return store.ErrorOf("stat", here, err)
	}
	old, err := from.Lstat(name)
	switch {
	case gone(err) && m.isCopy(i, name): // it was removed while it was copied, and so is the copy
		return store.ErrorOf("remove", here, stage.Remove(name))
	case gone(err):
		return m.putBack(from, stage, name)
	case err != nil:
		return store.ErrorOf("stat", filepath.Join(m.from, name), err)
	case m.isCopy(i, name) || old.Device != staged.Device,
		!id.IsZero() && id.MatchesMoved(store.IdentityOf("", old)),
		id.IsZero() && sameCopy(old, staged):
		return store.ErrorOf("remove", here, stage.Remove(name))
	}
	return fmt.Errorf("%s: %w", filepath.Join(m.from, name), store.ErrExists)
}

func (m *Move) isCopy(i int, name string) bool {
	_, copied := m.copied[i]
	return copied && m.taken[i] == name
}

// putBack returns a file to where it was.
func (m *Move) putBack(from, stage vfs.Root, name string) error {
	if err := store.MakeFolders(from, path.Dir(name)); err != nil {
		return store.ErrorOf("mkdir", m.from, err)
	}
	err := stage.MoveNoReplace(name, from, name)
	if errors.Is(err, vfs.ErrOtherDisk) {
		// A copy, perhaps not a whole one, and somebody has taken the original.
		return fmt.Errorf("%s: %w", filepath.Join(m.from, name), store.ErrMissing)
	}
	return store.ErrorOf("rename", filepath.Join(m.from, name), err)
}

// syncOld makes the names in the old folder durable.
func (m *Move) syncOld(from vfs.Root) error {
	for dir := range m.folders() {
		if err := from.SyncDir(dir); err != nil && !gone(err) {
			return err
		}
	}
	return from.SyncDir(".")
}

// removeFolders removes the object's folders that are empty.
func (m *Move) removeFolders(r vfs.Root) {
	for dir := range m.folders() {
		// One that is not empty, or not there, is not ours to remove.
		_ = r.Remove(dir)
	}
}

// folders are those that the object's files are in, the deepest first.
func (m *Move) folders() iter.Seq[string] {
	set := map[string]bool{}
	for i := range m.obj.Files() {
		for dir := path.Dir(m.names(i)[0]); dir != "."; dir = path.Dir(dir) {
			set[dir] = true
		}
	}
	return slices.Values(slices.SortedFunc(maps.Keys(set), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	}))
}
