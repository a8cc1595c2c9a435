package vfs

import (
	"errors"
	"io/fs"
	"path"
	"sync"
	"syscall"
)

// Op is a kind of operation that [Faults] can make fail.
type Op uint8

// The operations. OpSync is File.Datasync, OpClose is File.Close, which closes even if it fails.
const (
	OpOpen Op = iota
	OpRead
	OpWrite
	OpTruncate
	OpSync
	OpStat
	OpMkdir
	OpRename
	OpRemove
	OpReadDir
	OpSyncDir
	OpSyncAll
	OpClose
	ops
)

// Call is one operation on a file system. Name is absolute.
type Call struct {
	Op     Op
	Name   string
	Offset int64
	Length int
}

// Faults is a file system whose operations fail on demand, for tests.
type Faults struct {
	inner FS

	mu      sync.Mutex
	hook    func(Call) error
	space   int64
	limited bool
	counts  [ops]int
}

// NewFaults wraps inner. Nothing fails until something is asked for.
func NewFaults(inner FS) *Faults { return &Faults{inner: inner} }

// On has hook asked before every operation, from the goroutine that wants it; what it returns is the operation's
// error. It may block. Nil takes the hook away.
func (f *Faults) On(hook func(Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// FailNth makes the n-th operation of a kind from now on fail, counted from 1, and only that one.
func (f *Faults) FailNth(op Op, n int, err error) {
	var mu sync.Mutex
	f.On(func(c Call) error {
		mu.Lock()
		defer mu.Unlock()
		if c.Op != op {
			return nil
		}
		if n--; n == 0 {
			return err
		}
		return nil
	})
}

// ReadOnly makes everything fail that would change the disk.
func (f *Faults) ReadOnly() {
	f.On(func(c Call) error {
		switch c.Op {
		case OpWrite, OpTruncate, OpMkdir, OpRename, OpRemove:
			return syscall.EROFS
		default:
			return nil
		}
	})
}

// SetSpace lets n more bytes be written; what comes then is cut short with ENOSPC.
func (f *Faults) SetSpace(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space, f.limited = n, true
}

// Count is how many operations of a kind there have been.
func (f *Faults) Count(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

func (f *Faults) before(c Call) error {
	f.mu.Lock()
	f.counts[c.Op]++
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return pathError("fault", c.Name, hook(c))
}

// take allows some of n bytes to be written.
func (f *Faults) take(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.limited {
		return n
	}
	n = int(min(int64(n), f.space))
	f.space -= int64(n)
	return n
}

func (f *Faults) OpenRoot(dir string) (Root, error) {
	if err := f.before(Call{Op: OpOpen, Name: dir}); err != nil {
		return nil, err
	}
	r, err := f.inner.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &faultyRoot{f, r, dir}, nil
}

func (f *Faults) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := f.before(Call{Op: OpOpen, Name: name}); err != nil {
		return nil, err
	}
	file, err := f.inner.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, file, name}, nil
}

func (f *Faults) Stat(name string) (Info, error) {
	if err := f.before(Call{Op: OpStat, Name: name}); err != nil {
		return Info{}, err
	}
	return f.inner.Stat(name)
}

func (f *Faults) MkdirAll(dir string) error {
	if err := f.before(Call{Op: OpMkdir, Name: dir}); err != nil {
		return err
	}
	return f.inner.MkdirAll(dir)
}

// Free is what SetSpace left, if it was called.
func (f *Faults) Free(dir string) (int64, error) {
	f.mu.Lock()
	space, limited := f.space, f.limited
	f.mu.Unlock()
	if limited {
		return space, nil
	}
	return f.inner.Free(dir)
}

type faultyRoot struct {
	f     *Faults
	inner Root
	dir   string
}

func (r *faultyRoot) before(op Op, name string) error {
	return r.f.before(Call{Op: op, Name: path.Join(r.dir, name)})
}

func (r *faultyRoot) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := r.before(OpOpen, name); err != nil {
		return nil, err
	}
	file, err := r.inner.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{r.f, file, path.Join(r.dir, name)}, nil
}

func (r *faultyRoot) OpenFolder(name string) (Root, error) {
	if err := r.before(OpOpen, name); err != nil {
		return nil, err
	}
	inner, err := r.inner.OpenFolder(name)
	if err != nil {
		return nil, err
	}
	return &faultyRoot{r.f, inner, path.Join(r.dir, name)}, nil
}

func (r *faultyRoot) Mkdir(name string) error {
	if err := r.before(OpMkdir, name); err != nil {
		return err
	}
	return r.inner.Mkdir(name)
}

func (r *faultyRoot) RenameNoReplace(oldName, newName string) error {
	if err := r.before(OpRename, oldName); err != nil {
		return err
	}
	return r.inner.RenameNoReplace(oldName, newName)
}

func (r *faultyRoot) RenameOver(oldName, newName string) error {
	if err := r.before(OpRename, oldName); err != nil {
		return err
	}
	return r.inner.RenameOver(oldName, newName)
}

func (r *faultyRoot) Remove(name string) error {
	if err := r.before(OpRemove, name); err != nil {
		return err
	}
	return r.inner.Remove(name)
}

func (r *faultyRoot) Lstat(name string) (Info, error) {
	if err := r.before(OpStat, name); err != nil {
		return Info{}, err
	}
	return r.inner.Lstat(name)
}

func (r *faultyRoot) ReadDir(name string) ([]Entry, error) {
	if err := r.before(OpReadDir, name); err != nil {
		return nil, err
	}
	return r.inner.ReadDir(name)
}

func (r *faultyRoot) SyncDir(name string) error {
	if err := r.before(OpSyncDir, name); err != nil {
		return err
	}
	return r.inner.SyncDir(name)
}

func (r *faultyRoot) SyncAll() error {
	if err := r.before(OpSyncAll, "."); err != nil {
		forget(r.inner, err)
		return err
	}
	return r.inner.SyncAll()
}

func (r *faultyRoot) Close() error { return r.inner.Close() }

// forget lets a fake disk lose what a failed sync should have written, as real ones do.
func forget(inner any, err error) {
	if d, ok := inner.(interface{ forgetDirty() }); ok && !errors.Is(err, errors.ErrUnsupported) {
		d.forgetDirty()
	}
}

type faultyFile struct {
	f     *Faults
	inner File
	name  string
}

func (x *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := x.f.before(Call{OpRead, x.name, off, len(p)}); err != nil {
		return 0, err
	}
	return x.inner.ReadAt(p, off)
}

func (x *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if err := x.f.before(Call{OpWrite, x.name, off, len(p)}); err != nil {
		return 0, err
	}
	allowed := x.f.take(len(p))
	n, err := x.inner.WriteAt(p[:allowed], off)
	if err == nil && allowed < len(p) {
		err = pathError("write", x.name, syscall.ENOSPC)
	}
	return n, err
}

func (x *faultyFile) Truncate(size int64) error {
	if err := x.f.before(Call{Op: OpTruncate, Name: x.name}); err != nil {
		return err
	}
	return x.inner.Truncate(size)
}

func (x *faultyFile) Datasync() error {
	if err := x.f.before(Call{Op: OpSync, Name: x.name}); err != nil {
		forget(x.inner, err)
		return err
	}
	return x.inner.Datasync()
}

func (x *faultyFile) Stat() (Info, error) { return x.inner.Stat() }
func (x *faultyFile) DropCache() error    { return x.inner.DropCache() }
func (x *faultyFile) Ahead(off, n int64)  { x.inner.Ahead(off, n) }

func (x *faultyFile) Close() error {
	return errors.Join(x.f.before(Call{Op: OpClose, Name: x.name}), x.inner.Close())
}
