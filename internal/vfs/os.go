package vfs

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// OS is the computer's file system.
func OS() FS { return osFS{} }

type osFS struct{}

func (osFS) OpenRoot(dir string) (Root, error) { return openRoot(dir) }

// openPortably opens a folder by the means that every system has.
func openPortably(dir string) (Root, error) {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return newRoot(r)
}

func newRoot(r *os.Root) (Root, error) {
	d, err := r.Open(".")
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &osRoot{r, d}, nil
}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag|openFlags, perm)
	if err != nil {
		return nil, err
	}
	return regular(f)
}

func (osFS) Stat(name string) (Info, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return infoOf(fi), nil
}

func (osFS) MkdirAll(dir string) error {
	var missing []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		fi, err := os.Stat(d)
		if err == nil {
			if !fi.IsDir() {
				return &fs.PathError{Op: "mkdir", Path: d, Err: syscall.ENOTDIR}
			}
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(d) == d {
			return err
		}
		missing = append(missing, d)
	}
	for _, d := range slices.Backward(missing) {
		if err := os.Mkdir(d, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		parent, err := os.Open(filepath.Dir(d))
		if err != nil {
			return err
		}
		if err := errors.Join(syncDir(parent), parent.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (osFS) Free(dir string) (int64, error) { return freeBytes(dir) }

// osRoot is an os.Root, which keeps every name inside, and refuses links below it as well.
type osRoot struct {
	r *os.Root
	d *os.File // the folder itself, open as long as the root: SyncAll reports failures since it was opened
}

// noLinks fails if any folder on the way to name is a symbolic link. A link that is swapped in behind this check
// still cannot lead out of the root.
func (o *osRoot) noLinks(name string) error {
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		fi, err := o.r.Lstat(name[:i])
		if err != nil {
			return err
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			return &fs.PathError{Op: "open", Path: name[:i], Err: ErrSymlink}
		}
	}
	return nil
}

func (o *osRoot) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := o.noLinks(name); err != nil {
		return nil, err
	}
	if flag&os.O_EXCL == 0 {
		fi, err := o.r.Lstat(name)
		if err == nil {
			err = openable(name, fi.Mode())
		}
		if err != nil && (flag&os.O_CREATE == 0 || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	f, err := o.r.OpenFile(name, flag|openFlags, perm)
	if err != nil {
		return nil, err
	}
	return regular(f)
}

func (o *osRoot) OpenFolder(name string) (Root, error) {
	if err := o.noLinks(name + "/"); err != nil {
		return nil, err
	}
	r, err := o.r.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return newRoot(r)
}

func (o *osRoot) Mkdir(name string) error {
	if err := o.noLinks(name); err != nil {
		return err
	}
	return o.r.Mkdir(name, 0o777)
}

func (o *osRoot) RenameNoReplace(oldName, newName string) error {
	if err := errors.Join(o.noLinks(oldName), o.noLinks(newName)); err != nil {
		return err
	}
	return o.renameByLink(oldName, newName)
}

func (o *osRoot) RenameOver(oldName, newName string) error {
	if err := errors.Join(o.noLinks(oldName), o.noLinks(newName)); err != nil {
		return err
	}
	return o.r.Rename(oldName, newName)
}

// renameByLink gives the file its second name, which fails if that is taken, and takes the first away. File systems
// without hard links are left with a check before the rename.
func (o *osRoot) renameByLink(oldName, newName string) error {
	err := o.r.Link(oldName, newName)
	if err == nil {
		return o.r.Remove(oldName)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := o.r.Lstat(newName); !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "rename", Path: newName, Err: fs.ErrExist}
	}
	return o.r.Rename(oldName, newName)
}

func (o *osRoot) Remove(name string) error {
	if err := o.noLinks(name); err != nil {
		return err
	}
	return o.r.Remove(name)
}

func (o *osRoot) Lstat(name string) (Info, error) {
	if err := o.noLinks(name); err != nil {
		return Info{}, err
	}
	fi, err := o.r.Lstat(name)
	if err != nil {
		return Info{}, err
	}
	return infoOf(fi), nil
}

func (o *osRoot) ReadDir(name string) ([]Entry, error) {
	d, err := o.openDir(name)
	if err != nil {
		return nil, err
	}
	return listAndClose(d)
}

// listAndClose lists an open folder in bytewise order of names.
func listAndClose(d *os.File) ([]Entry, error) {
	list, err := d.ReadDir(-1)
	if err := errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	entries := make([]Entry, len(list))
	for i, e := range list {
		entries[i] = Entry{e.Name(), e.Type()}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

func (o *osRoot) SyncDir(name string) error {
	d, err := o.openDir(name)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

// openDir opens a folder below the root, or the root itself.
func (o *osRoot) openDir(name string) (*os.File, error) {
	if name == "." {
		return o.r.Open(".")
	}
	if err := o.noLinks(name + "/"); err != nil {
		return nil, err
	}
	d, err := o.r.Open(name)
	if err != nil {
		return nil, err
	}
	fi, err := d.Stat()
	if err == nil && !fi.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (o *osRoot) SyncAll() error { return syncFileSystem(o.d) }

func (o *osRoot) Close() error { return errors.Join(o.d.Close(), o.r.Close()) }

// openable says why what lies under a name is not to be opened as a file, if it is not.
func openable(name string, mode fs.FileMode) error {
	switch {
	case mode&fs.ModeSymlink != 0:
		return pathError("open", name, ErrSymlink)
	case !mode.IsRegular():
		return pathError("open", name, ErrNotRegular)
	default:
		return nil
	}
}

// regular wraps f if it is a regular file and closes it otherwise.
func regular(f *os.File) (File, error) {
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: ErrNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return osFile{f}, nil
}

type osFile struct{ *os.File }

func (f osFile) Stat() (Info, error) {
	fi, err := f.File.Stat()
	if err != nil {
		return Info{}, err
	}
	return infoOf(fi), nil
}

func (f osFile) Datasync() error  { return datasync(f.File) }
func (f osFile) DropCache() error { return dropCache(f.File) }

func (f osFile) Ahead(off, n int64) { readAhead(f.File, off, n) }

// pathError names the operation and the path of a failed system call.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// withFD runs call on the file's descriptor, which stays valid until call returns.
func withFD(f *os.File, op string, call func(fd uintptr) error) error {
	return pathError(op, f.Name(), control(f, call))
}

// control is withFD, with the error as call returned it.
func control(f *os.File, call func(fd uintptr) error) (failed error) {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	err = c.Control(func(fd uintptr) {
		for {
			if failed = call(fd); !errors.Is(failed, syscall.EINTR) {
				return
			}
		}
	})
	return cmp.Or(err, failed)
}
