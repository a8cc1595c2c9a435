package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"
)

func (o *osRoot) MoveNoReplace(oldName string, to Root, newName string) error {
	other, ok := to.(*osRoot)
	if !ok {
		return pathError("rename", oldName, ErrOtherDisk)
	}
	if err := errors.Join(o.noLinks(oldName), other.noLinks(newName)); err != nil {
		return err
	}
	err := o.moveByLink(oldName, other, newName)
	if errors.Is(err, syscall.EXDEV) || isOtherDiskHere(err) {
		return pathError("rename", oldName, ErrOtherDisk)
	}
	return err
}

// moveByLink does what renameByLink does, between two roots. No system call links from one open folder into another
// everywhere, so both are named by their paths.
func (o *osRoot) moveByLink(oldName string, to *osRoot, newName string) error {
	from := filepath.Join(o.r.Name(), filepath.FromSlash(oldName))
	dest := filepath.Join(to.r.Name(), filepath.FromSlash(newName))
	err := os.Link(from, dest)
	if err == nil {
		return o.r.Remove(oldName)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EXDEV) || isOtherDiskHere(err) {
		return err
	}
	if _, err := to.r.Lstat(newName); !errors.Is(err, fs.ErrNotExist) {
		return pathError("rename", newName, fs.ErrExist)
	}
	return os.Rename(from, dest)
}

func (o *osRoot) SetModTime(name string, t time.Time) error {
	if err := o.noLinks(name); err != nil {
		return err
	}
	// No symbolic link is followed: what it leads to is not ours.
	fi, err := o.r.Lstat(name)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return pathError("chtimes", name, ErrNotRegular)
	}
	return o.r.Chtimes(name, time.Time{}, t)
}

func (r *memRoot) MoveNoReplace(oldName string, to Root, newName string) error {
	other, ok := to.(*memRoot)
	if !ok || other.m != r.m {
		return pathError("rename", oldName, ErrOtherDisk)
	}
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.move(oldName, other, newName)
}

// move renames from one root into another of the same Mem, whose lock is held.
func (r *memRoot) move(oldName string, other *memRoot, newName string) error {
	from, err := r.folder("rename", path.Dir(oldName))
	if err != nil {
		return err
	}
	to, err := other.folder("rename", path.Dir(newName))
	if err != nil {
		return err
	}
	if to.entries[path.Base(newName)] != nil {
		return pathError("rename", newName, fs.ErrExist)
	}
	return r.m.rename(from, path.Base(oldName), to, path.Base(newName))
}

func (r *memRoot) SetModTime(name string, t time.Time) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	n, err := r.find("chtimes", name)
	if err != nil {
		return err
	}
	if !n.mode.IsRegular() {
		return pathError("chtimes", name, ErrNotRegular)
	}
	n.mtime, n.ctime = t, r.m.tick()
	return nil
}

// Mount makes an empty folder that is a file system of its own: what lies in it cannot be renamed out of it, nor anything
// into it.
func (m *Mem) Mount(dir string) error {
	if err := m.MkdirAll(dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.follow("mount", dir)
	if err != nil {
		return err
	}
	if len(n.entries) > 0 {
		return pathError("mount", dir, syscall.ENOTEMPTY)
	}
	m.disks++
	n.device = memDevice + m.disks
	return nil
}

func (r *faultyRoot) MoveNoReplace(oldName string, to Root, newName string) error {
	if err := r.before(OpRename, oldName); err != nil {
		return err
	}
	if other, ok := to.(*faultyRoot); ok {
		to = other.inner
	}
	return r.inner.MoveNoReplace(oldName, to, newName)
}

func (r *faultyRoot) SetModTime(name string, t time.Time) error { return r.inner.SetModTime(name, t) }
