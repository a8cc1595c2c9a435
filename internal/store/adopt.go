package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// AdoptOptions say how files become an object.
type AdoptOptions struct {
	// Name of the object, instead of the file's or folder's own.
	Name string
	// Note is told of everything that is skipped, and why. May be nil.
	Note func(path, why string)
}

// ErrNothing is returned by Adopt for a folder without any file.
var ErrNothing = errors.New("there is no file to share in it")

// Adopt makes an object of the file or folder at an absolute path, as it lies, with the identity of each of its files.
// The path itself may be a symbolic link; those inside a folder are skipped, as are pipes, sockets and devices. Hidden
// files are included. Files come in bytewise order of their path's components, folder by folder: that is the order of
// a BEP 52 file tree, so the same list serves both versions. A file that cannot be read is a *DiskError.
func (s *Store) Adopt(name string, opt AdoptOptions) (content.Object, []Identity, error) {
	if !filepath.IsAbs(name) {
		return content.Object{}, nil, fmt.Errorf("store: %q is not an absolute path", name)
	}
	name = filepath.Clean(name)
	if opt.Name == "" {
		opt.Name = filepath.Base(name)
	}
	if opt.Note == nil {
		opt.Note = func(string, string) {}
	}
	info, err := s.fs.Stat(name)
	if err != nil {
		return content.Object{}, nil, ErrorOf("stat", name, err)
	}
	own := content.MakePath(opt.Name)
	if info.Mode.IsDir() {
		return s.adoptFolder(name, own, opt.Note)
	}
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	id, err := identify(f, err, "", name)
	if err != nil {
		return content.Object{}, nil, err
	}
	o, err := content.NewObject(own, false, []content.File{{Path: own, Size: id.Size}})
	return o, []Identity{id}, err
}

func (s *Store) adoptFolder(dir string, own content.Path, note func(path, why string)) (content.Object, []Identity, error) {
	root, err := s.fs.OpenRoot(dir)
	if err != nil {
		return content.Object{}, nil, ErrorOf("open", dir, err)
	}
	a := adoption{root: root, dir: dir, note: note}
	if err := errors.Join(a.folder("."), root.Close()); err != nil {
		return content.Object{}, nil, err
	}
	if len(a.files) == 0 {
		return content.Object{}, nil, fmt.Errorf("%s: %w", dir, ErrNothing)
	}
	o, err := content.NewObject(own, true, a.files)
	return o, a.ids, err
}

// adoption is a walk through a folder.
type adoption struct {
	root  vfs.Root
	dir   string
	note  func(path, why string)
	names content.Names
	files []content.File
	ids   []Identity
}

// folder adopts what lies in a folder below the root.
func (a *adoption) folder(name string) error {
	entries, err := a.root.ReadDir(name)
	if err != nil {
		return ErrorOf("read", filepath.Join(a.dir, name), err)
	}
	for _, e := range entries {
		child := path.Join(name, e.Name)
		switch full := filepath.Join(a.dir, child); {
		case e.Mode.IsDir():
			err = a.folder(child)
		case e.Mode&fs.ModeSymlink != 0:
			a.note(full, "skipped: a symbolic link")
		case e.Mode.Type() != 0:
			a.note(full, "skipped: not a regular file")
		default:
			err = a.file(child, full)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *adoption) file(name, full string) error {
	safe, err := a.names.Add(strings.Split(name, "/")...)
	if err != nil {
		return fmt.Errorf("%s: %w", full, err)
	}
	f, err := a.root.OpenFile(name, os.O_RDONLY, 0)
	id, err := identify(f, err, name, full)
	if err != nil {
		return err
	}
	a.files = append(a.files, content.File{Path: safe, Size: id.Size})
	a.ids = append(a.ids, id)
	return nil
}

// identify takes the identity of a file just opened, which proves that it can be read, and closes it.
func identify(f vfs.File, err error, name, full string) (Identity, error) {
	if err != nil {
		return Identity{}, ErrorOf("open", full, err)
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return Identity{}, ErrorOf("stat", full, err)
	}
	return IdentityOf(name, info), nil
}
