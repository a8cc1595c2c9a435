package store

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Delete removes what was fetched: unfinished files, finished ones that are still as we left them, the side file, and
// the folders that are empty then. A file that has changed since stays, and is reported as ErrChanged at the end.
func (o *Object) Delete() error {
	if o.fetch == nil {
		return ErrShared
	}
	if err := o.Close(); err != nil {
		return err
	}
	var failed error
	folders := map[string]bool{}
	for i := range o.obj.Files() {
		err := o.deleteFile(i)
		if err != nil && !errors.Is(err, ErrMissing) {
			failed = errors.Join(failed, err)
		}
		for dir := path.Dir(o.fetch.final(o, i)); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	if o.fetch.base != nil {
		err := o.fetch.aside.with(func(r vfs.Root) error { return r.Remove(o.name(len(o.obj.Files()))) })
		if err := ErrorOf("remove", o.fetch.side, err); err != nil && !errors.Is(err, ErrMissing) {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, o.deleteFolders(folders))
}

func (o *Object) deleteFile(i int) error {
	switch o.State(i) {
	case Whole:
		if err := o.CheckFile(i); err != nil {
			return err
		}
	case Partial, Doubtful:
	default:
		return nil
	}
	return ErrorOf("remove", o.full(i), o.fetch.main.with(func(r vfs.Root) error { return r.Remove(o.name(i)) }))
}

// deleteFolders removes folders that are empty, the deepest first.
func (o *Object) deleteFolders(folders map[string]bool) error {
	deepest := slices.SortedFunc(maps.Keys(folders), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
	err := o.fetch.main.with(func(r vfs.Root) error {
		for _, dir := range deepest {
			// One that is not empty, or not there, is not ours to remove.
			_ = r.Remove(dir)
		}
		return nil
	})
	if err := ErrorOf("open", o.dir, err); err != nil && !errors.Is(err, ErrMissing) {
		return err
	}
	return nil
}
