package store

import (
	"errors"
	"path"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Survey lists the identities that [Store.Adopt] would find at an absolute path, in the order in which a folder lists its files. No
// file is opened, so that it may be called often.
func (s *Store) Survey(name string) ([]Identity, error) {
	name = filepath.Clean(name)
	info, err := s.fs.Stat(name)
	if err != nil {
		return nil, ErrorOf("stat", name, err)
	}
	if !info.Mode.IsDir() {
		return []Identity{IdentityOf("", info)}, nil
	}
	root, err := s.fs.OpenRoot(name)
	if err != nil {
		return nil, ErrorOf("open", name, err)
	}
	var list []Identity
	err = survey(root, ".", func(below string, info vfs.Info) { list = append(list, IdentityOf(below, info)) })
	if err := errors.Join(err, root.Close()); err != nil {
		return nil, ErrorOf("read", name, err)
	}
	return list, nil
}

func survey(root vfs.Root, folder string, found func(name string, info vfs.Info)) error {
	entries, err := root.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name)
		switch {
		case e.Mode.IsDir():
			err = survey(root, name, found)
		case e.Mode.Type() == 0:
			var info vfs.Info
			if info, err = root.Lstat(name); err == nil {
				found(name, info)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
