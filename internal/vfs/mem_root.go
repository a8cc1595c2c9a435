package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// memRoot is a folder of a Mem.
type memRoot struct {
	m      *Mem
	dir    *node
	closed bool
}

// find is the node of a name below the root, whose last component may be a symbolic link.
func (r *memRoot) find(op, name string) (*node, error) {
	if r.closed {
		return nil, pathError(op, name, fs.ErrClosed)
	}
	if !staysInside(name) {
		return nil, pathError(op, name, errLeadsOut)
	}
	n, link, rest, err := r.m.descend(r.dir, name)
	if err == nil && link != "" && rest != "" {
		err = ErrSymlink
	}
	return n, pathError(op, name, err)
}

// folder is the node of a folder below the root.
func (r *memRoot) folder(op, name string) (*node, error) {
	n, err := r.find(op, name)
	if err != nil {
		return nil, err
	}
	if n.mode&fs.ModeSymlink != 0 {
		return nil, pathError(op, name, ErrSymlink)
	}
	if !n.mode.IsDir() {
		return nil, pathError(op, name, syscall.ENOTDIR)
	}
	return n, nil
}

func (r *memRoot) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	n, err := r.find("open", name)
	if err == nil {
		return r.m.open(name, n, flag)
	}
	if !errors.Is(err, fs.ErrNotExist) || flag&os.O_CREATE == 0 {
		return nil, err
	}
	dir, err := r.folder("open", path.Dir(name))
	if err != nil {
		return nil, err
	}
	n = r.m.newNode(perm.Perm())
	if err := r.m.add(dir, path.Base(name), n); err != nil {
		return nil, err
	}
	return r.m.handle(name, n, flag), nil
}

func (r *memRoot) OpenFolder(name string) (Root, error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	n, err := r.folder("open", name)
	if err != nil {
		return nil, err
	}
	r.m.handles++
	return &memRoot{m: r.m, dir: n}, nil
}

func (r *memRoot) Mkdir(name string) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if !staysInside(name) {
		return pathError("mkdir", name, errLeadsOut)
	}
	dir, err := r.folder("mkdir", path.Dir(name))
	if err != nil {
		return err
	}
	return r.m.add(dir, path.Base(name), r.m.newNode(fs.ModeDir|0o777))
}

func (r *memRoot) RenameNoReplace(oldName, newName string) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.move(oldName, r, newName)
}

func (r *memRoot) RenameOver(oldName, newName string) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	from, err := r.folder("rename", path.Dir(oldName))
	if err != nil {
		return err
	}
	to, err := r.folder("rename", path.Dir(newName))
	if err != nil {
		return err
	}
	return r.m.rename(from, path.Base(oldName), to, path.Base(newName))
}

func (r *memRoot) Remove(name string) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	n, err := r.find("remove", name)
	if err != nil {
		return err
	}
	if len(n.entries) > 0 {
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	dir, err := r.folder("remove", path.Dir(name))
	if err != nil {
		return err
	}
	dir.change(r.m.tick(), dirOp{remove: path.Base(name)})
	return nil
}

func (r *memRoot) Lstat(name string) (Info, error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	n, err := r.find("lstat", name)
	if err != nil {
		return Info{}, err
	}
	return n.info(), nil
}

func (r *memRoot) ReadDir(name string) ([]Entry, error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	n, err := r.folder("readdir", name)
	if err != nil {
		return nil, err
	}
	if n.mode&0o400 == 0 {
		return nil, pathError("readdir", name, fs.ErrPermission)
	}
	list := []Entry{}
	for _, base := range names(n.entries) {
		list = append(list, Entry{base, n.entries[base].mode.Type()})
	}
	return list, nil
}

func (r *memRoot) SyncDir(name string) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	n, err := r.folder("sync", name)
	if err != nil {
		return err
	}
	n.syncDir()
	return nil
}

func (r *memRoot) SyncAll() error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.closed {
		return pathError("syncfs", ".", fs.ErrClosed)
	}
	r.m.root.walk(func(n *node) {
		n.syncDir()
		n.sync()
	})
	return nil
}

func (r *memRoot) forgetDirty() {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.m.root.walk((*node).forgetDirty)
}

func (r *memRoot) Close() error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.closed {
		return fs.ErrClosed
	}
	r.closed = true
	r.m.handles--
	return nil
}

// memFile is an open file of a Mem.
type memFile struct {
	m      *Mem
	n      *node
	name   string
	write  bool
	closed bool
}

// with runs a call on the node under the lock, if the file is open.
func (f *memFile) with(op string, call func(n *node) error) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathError(op, f.name, fs.ErrClosed)
	}
	return pathError(op, f.name, call(f.n))
}

func (f *memFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.with("read", func(x *node) error {
		n = x.readAt(p, off)
		return nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *memFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.with("write", func(x *node) error {
		if !f.write {
			return syscall.EBADF
		}
		x.writeAt(f.m.tick(), p, off)
		n = len(p)
		return nil
	})
	return n, err
}

func (f *memFile) Truncate(size int64) error {
	return f.with("truncate", func(x *node) error {
		if !f.write {
			return syscall.EINVAL
		}
		x.truncate(f.m.tick(), size)
		return nil
	})
}

func (f *memFile) Datasync() error {
	return f.with("fdatasync", func(x *node) error { x.sync(); return nil })
}

func (f *memFile) Stat() (i Info, err error) {
	err = f.with("stat", func(x *node) error { i = x.info(); return nil })
	return i, err
}

func (f *memFile) DropCache() error {
	return f.with("fadvise", func(x *node) error { x.dropCache(); return nil })
}

func (f *memFile) Ahead(int64, int64) {}

func (f *memFile) forgetDirty() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.forgetDirty()
}

func (f *memFile) Close() error {
	return f.with("close", func(*node) error {
		f.closed = true
		f.m.handles--
		return nil
	})
}
