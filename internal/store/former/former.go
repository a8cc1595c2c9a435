// Package former deals with the files of a fetched object's earlier version, as far as they still lie in its folder: each under
// its name until a file of the new version takes that, or until Sweep.
//
// A new version comes into its place like this. The caller has written down its files, and those that are former ones, in
// one step; a file that both versions have stays where it is and is no former one.
//
//	Clear        removes former files where the new version needs a folder, and below where it needs a file
//	ReadAt       hands what is right in them to the new version, which the caller hashes and writes to NAME.part
//	Finish       (package store) renames NAME.part over a former NAME; what else has the name, a file that the user changed
//	             perhaps, is moved aside to "NAME (1)" before
//	Sweep        removes former files whose names the new version does not have, once all of it is whole
//
// Every step goes by what it finds on the disk, and may be repeated after a crash at any moment: under a name are at all
// times the bytes of the one version or of the other. A former file is known by its identity, and one that is not what it was
// is left alone.
package former

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Files are former files. They are for one goroutine at a time.
type Files struct {
	fs    vfs.FS
	dir   string
	files []store.Identity // Name is the path below dir

	open int // of the file that was read last; -1 for none
	file vfs.File
}

// New makes the former files below a folder; Name of each is its path there.
func New(fsys vfs.FS, dir string, files []store.Identity) *Files {
	return &Files{fs: fsys, dir: dir, files: files, open: -1}
}

// ReadAt fills p with bytes of a former file from off on, or fails: with ErrChanged if it is not what it was.
func (f *Files) ReadAt(p []byte, file int, off int64) error {
	if err := f.use(file); err != nil {
		return err
	}
	full := filepath.Join(f.dir, f.files[file].Name)
	if _, err := f.file.ReadAt(p, off); errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", full, store.ErrChanged)
	} else if err != nil {
		return store.ErrorOf("read", full, err)
	}
	info, err := f.file.Stat()
	if err != nil {
		return store.ErrorOf("stat", full, err)
	}
	if !f.files[file].Matches(store.IdentityOf("", info)) {
		return fmt.Errorf("%s: %w", full, store.ErrChanged)
	}
	return nil
}

// use opens a file, and closes the one before.
func (f *Files) use(file int) error {
	if f.open == file {
		return nil
	}
	f.Close()
	return f.in(func(r vfs.Root) error {
		full := filepath.Join(f.dir, f.files[file].Name)
		opened, err := r.OpenFile(f.files[file].Name, os.O_RDONLY, 0)
		if errors.Is(err, vfs.ErrSymlink) || errors.Is(err, vfs.ErrNotRegular) {
			return fmt.Errorf("%s: %w", full, store.ErrChanged)
		}
		if err != nil {
			return store.ErrorOf("open", full, err)
		}
		f.file, f.open = opened, file
		return nil
	})
}

// Close closes what ReadAt has opened. It may be used again.
func (f *Files) Close() {
	if f.open >= 0 {
		_ = f.file.Close() // it was only read
	}
	f.file, f.open = nil, -1
}

// Clear removes former files that are in the way of an object's folders, and those below a name that one of its files needs.
// What is not a former file, and has the name of a folder, is moved aside; displaced, which may be nil, is told of it.
func (f *Files) Clear(obj content.Object, as content.Path, displaced func(from, to string)) error {
	finals, folders := map[string]bool{}, map[string]bool{}
	for _, file := range obj.Files() {
		name := as.String()
		if obj.IsDir() {
			name += "/" + file.Path.String()
		}
		finals[name] = true
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	below := func(name string) bool {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if finals[dir] {
				return true
			}
		}
		return false
	}
	return f.tolerant(func(r vfs.Root) error {
		if err := f.remove(r, func(name string) bool { return folders[name] || below(name) }); err != nil {
			return err
		}
		for _, dir := range slices.Sorted(maps.Keys(folders)) {
			info, err := r.Lstat(dir)
			if err != nil || info.Mode.IsDir() {
				continue // made later, or there
			}
			if err := store.MoveAside(r, f.dir, dir, displaced); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sweep removes all former files that are still there, and the folders that are empty then, durably. What is not what it was
// stays.
func (f *Files) Sweep() error {
	return f.tolerant(func(r vfs.Root) error { return f.remove(r, func(string) bool { return true }) })
}

// remove removes those of the former files that are chosen.
func (f *Files) remove(r vfs.Root, chosen func(name string) bool) error {
	f.Close()
	touched := map[string]bool{}
	for _, id := range f.files {
		if !chosen(id.Name) {
			continue
		}
		full := filepath.Join(f.dir, id.Name)
		for dir := path.Dir(id.Name); ; dir = path.Dir(dir) {
			touched[dir] = true
			if dir == "." {
				break
			}
		}
		info, err := r.Lstat(id.Name)
		switch {
		case gone(err), errors.Is(err, vfs.ErrSymlink):
		case err != nil:
			return store.ErrorOf("stat", full, err)
		case info.Mode.IsRegular() && id.Matches(store.IdentityOf("", info)):
			if err := r.Remove(id.Name); err != nil {
				return store.ErrorOf("remove", full, err)
			}
		}
	}
	deepest := slices.SortedFunc(maps.Keys(touched), func(a, b string) int {
		return cmp.Or(strings.Count(b, "/")-strings.Count(a, "/"), len(b)-len(a), strings.Compare(a, b))
	})
	for _, dir := range deepest {
		if info, err := r.Lstat(dir); dir == "." || err != nil || !info.Mode.IsDir() {
			continue // another thing may have its name by now
		}
		if r.Remove(dir) == nil {
			continue // one that is not empty is not ours to remove
		}
		if err := r.SyncDir(dir); err != nil && !gone(err) && !errors.Is(err, vfs.ErrSymlink) {
			return store.ErrorOf("sync", filepath.Join(f.dir, dir), err)
		}
	}
	if len(touched) == 0 {
		return nil
	}
	return store.ErrorOf("sync", f.dir, r.SyncDir("."))
}

func (f *Files) in(use func(vfs.Root) error) error {
	r, err := f.fs.OpenRoot(f.dir)
	if err != nil {
		return store.ErrorOf("open", f.dir, err)
	}
	return errors.Join(use(r), r.Close())
}

// tolerant is in for a folder that may be gone, and everything with it.
func (f *Files) tolerant(use func(vfs.Root) error) error {
	if _, err := f.fs.Stat(f.dir); gone(err) {
		return nil
	}
	return f.in(use)
}

// gone reports whether there is nothing under a name.
func gone(err error) bool { return errors.Is(store.ErrorOf("", "", err), store.ErrMissing) }
