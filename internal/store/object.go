package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// FileState is how a file of an object stands on the disk.
type FileState uint8

// The states of a file.
const (
	Absent   FileState = iota // to be fetched; nothing of it is there
	Partial                   // to be fetched; NAME.part is there
	Doubtful                  // as Partial, but its size is not what we gave it: whatever was recorded of it is void
	Found                     // to be fetched, but NAME is there in its size: hash it and Finish it, or take another name
	Aside                     // not selected; its bytes, if any, are in the side file
	Whole                     // NAME is there, with an identity: finished, or shared
)

// lookEvery is how often a file's path is compared with its identity while the file is read.
const lookEvery = 2 * time.Second

// Object is an object's files on disk. It is safe for concurrent use, and holds nothing open until it is used.
type Object struct {
	store *Store
	obj   content.Object
	dir   string // the folder that names are relative to; for a shared lone file, the file
	lone  bool   // a shared lone file, which is opened by dir alone
	slots []slot // one per file; for a fetched object one more, for the side file

	fetch  *fetch // nil if shared
	closed atomic.Bool

	// rename is held while a file gets its final name, and shared while one is opened by name.
	rename sync.RWMutex
}

// OpenShared opens an object that lies at path, as Adopt found it. It touches no file; one without an identity reads
// as changed.
func (s *Store) OpenShared(path string, obj content.Object, ids []Identity) *Object {
	o := &Object{store: s, obj: obj, dir: path, lone: !obj.IsDir(), slots: make([]slot, len(obj.Files()))}
	for i := range o.slots {
		id := Identity{Size: -1}
		if i < len(ids) {
			id = ids[i]
		}
		o.slots[i].state.Store(uint32(Whole))
		o.slots[i].identity.Store(&id)
	}
	return o
}

// Path is where the object lies: the file or folder a user would look for.
func (o *Object) Path() string {
	if o.fetch == nil {
		return o.dir
	}
	return filepath.Join(o.dir, o.fetch.as.String())
}

// State is how a file stands on the disk, as far as this Object knows.
func (o *Object) State(file int) FileState { return FileState(o.slots[file].state.Load()) }

// Identity is what a Whole file was when it was adopted or finished; zero for any other.
func (o *Object) Identity(file int) Identity {
	if id := o.slots[file].identity.Load(); id != nil && o.State(file) == Whole {
		return *id
	}
	return Identity{}
}

// Identities are those of all files.
func (o *Object) Identities() []Identity {
	ids := make([]Identity, len(o.obj.Files()))
	for i := range ids {
		ids[i] = o.Identity(i)
	}
	return ids
}

// ReadAt fills p with the bytes of a file from off on, or fails. Bytes of a Whole file are its verified ones or an
// error; which bytes of another are verified is the caller's knowledge.
func (o *Object) ReadAt(p []byte, file int, off int64) error {
	if err := o.bounds(file, off, len(p)); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	at, off, err := o.place(file, off)
	if err != nil {
		return err
	}
	h, err := o.open(at)
	if err != nil {
		return err
	}
	defer h.release()
	if _, err := h.file.ReadAt(p, off); errors.Is(err, io.EOF) {
		return o.short(at)
	} else if err != nil {
		return &DiskError{Path: o.full(at), Op: "read", Err: err}
	}
	if id := o.slots[at].identity.Load(); id != nil {
		return o.unchanged(at, h, *id)
	}
	o.fetch.see(at, off, len(p))
	return nil
}

// Ahead says that an extent is about to be read from start to end, so that the disk can begin. It is only a hint.
func (o *Object) Ahead(e content.Extent) {
	if o.bounds(e.File, e.Offset, int(e.Length)) != nil {
		return
	}
	at, off, err := o.place(e.File, e.Offset)
	if err != nil {
		return
	}
	if h, err := o.open(at); err == nil {
		h.file.Ahead(off, e.Length)
		h.release()
	}
}

// Reader is one file as an io.ReaderAt.
func (o *Object) Reader(file int) io.ReaderAt { return reader{o, file} }

type reader struct {
	o    *Object
	file int
}

func (r reader) ReadAt(p []byte, off int64) (int, error) {
	whole := p
	if left := r.o.obj.Files()[r.file].Size - off; int64(len(p)) > left {
		p = p[:max(left, 0)]
	}
	if err := r.o.ReadAt(p, r.file, off); err != nil {
		return 0, err
	}
	if len(p) < len(whole) {
		return len(p), io.EOF
	}
	return len(p), nil
}

// bounds checks what a caller asks for.
func (o *Object) bounds(file int, off int64, length int) error {
	if (content.Extent{File: file, Offset: off, Length: int64(length)}).In(o.obj) {
		return nil
	}
	return fmt.Errorf("store: no bytes %d+%d of file %d in %s", off, length, file, o.obj.Name())
}

// place is the slot and offset at which bytes of a file lie.
func (o *Object) place(file int, off int64) (int, int64, error) {
	if o.State(file) != Aside {
		return file, off, nil
	}
	if o.fetch.side == "" {
		return 0, 0, fmt.Errorf("store: %s: file %d is not selected and there is no side file", o.obj.Name(), file)
	}
	return len(o.obj.Files()), o.fetch.base[file] + off, nil
}

// short is the error for a file that ends too early.
func (o *Object) short(at int) error {
	if at == len(o.obj.Files()) {
		return fmt.Errorf("%s: %w", o.full(at), ErrMissing) // nothing was written that far into the side file
	}
	return fmt.Errorf("%s: %w", o.full(at), ErrChanged)
}

// open takes the slot's file into use.
func (o *Object) open(at int) (*handle, error) {
	if h := o.slots[at].acquire(); h != nil {
		return h, nil
	}
	o.rename.RLock()
	defer o.rename.RUnlock()
	if FileState(o.slots[at].state.Load()) == Absent {
		return nil, fmt.Errorf("%s: %w", o.full(at), ErrMissing)
	}
	flag := os.O_RDONLY
	if o.slots[at].identity.Load() == nil && FileState(o.slots[at].state.Load()) != Found {
		flag = os.O_RDWR // ours, and likely to be written next
	}
	f, err := o.openFile(at, flag)
	if err != nil {
		if o.slots[at].identity.Load() != nil && notPlain(err) {
			return nil, fmt.Errorf("%s: %w", o.full(at), ErrChanged)
		}
		return nil, ErrorOf("open", o.full(at), err)
	}
	o.slots[at].looked.Store(o.store.now().UnixNano())
	return o.install(at, f)
}

// notPlain reports whether there is something else where a regular file was.
func notPlain(err error) bool {
	return errors.Is(err, vfs.ErrSymlink) || errors.Is(err, vfs.ErrNotRegular)
}

// openFile opens the file of a slot under the name it has now.
func (o *Object) openFile(at, flag int) (f vfs.File, err error) {
	if o.lone {
		return o.store.fs.OpenFile(o.dir, flag, 0)
	}
	err = o.withRoot(at, func(r vfs.Root) error {
		f, err = r.OpenFile(o.name(at), flag, 0)
		return err
	})
	return f, err
}

// install makes an open file its slot's handle and takes it into use.
func (o *Object) install(at int, f vfs.File) (*handle, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, ErrorOf("stat", o.full(at), errors.Join(err, f.Close()))
	}
	s := &o.slots[at]
	h := o.store.cache.install(&handle{file: f, slot: s, device: info.Device, closed: func(err error) { o.closeFailed(at, err) }})
	if o.closed.Load() {
		o.store.cache.drop(s)
		h.release()
		return nil, fmt.Errorf("%s: %w", o.full(at), fs.ErrClosed)
	}
	return h, nil
}

// unchanged compares a file with its identity: by the handle each time, by its path now and then.
func (o *Object) unchanged(at int, h *handle, id Identity) error {
	info, err := h.file.Stat()
	if err != nil {
		return ErrorOf("stat", o.full(at), err)
	}
	if !id.Matches(IdentityOf("", info)) {
		o.store.cache.drop(&o.slots[at])
		return fmt.Errorf("%s: %w", o.full(at), ErrChanged)
	}
	now, last := o.store.now().UnixNano(), o.slots[at].looked.Load()
	if now-last < int64(lookEvery) && now >= last || !o.slots[at].looked.CompareAndSwap(last, now) {
		return nil
	}
	if err := o.CheckFile(at); err != nil {
		o.slots[at].looked.Store(0)
		o.store.cache.drop(&o.slots[at])
		return err
	}
	return nil
}

// CheckFile compares what now lies under a file's path with what should: for a Whole file its identity, for a Partial
// one its size. It returns nil, ErrMissing, ErrChanged or a *DiskError; files in other states are not looked at.
func (o *Object) CheckFile(file int) error {
	o.rename.RLock()
	defer o.rename.RUnlock()
	id := o.slots[file].identity.Load()
	if id == nil && o.State(file) != Partial {
		return nil
	}
	info, err := o.describe(file)
	switch {
	case notPlain(err), err == nil && !o.asItWas(file, id, info):
		return fmt.Errorf("%s: %w", o.full(file), ErrChanged)
	default:
		return ErrorOf("stat", o.full(file), err)
	}
}

// describe tells what lies under a file's path now.
func (o *Object) describe(file int) (info vfs.Info, err error) {
	if o.lone {
		return o.store.fs.Stat(o.dir)
	}
	err = o.withRoot(file, func(r vfs.Root) error {
		info, err = r.Lstat(o.name(file))
		return err
	})
	return info, err
}

func (o *Object) asItWas(file int, id *Identity, info vfs.Info) bool {
	if !info.Mode.IsRegular() {
		return false
	}
	if id == nil {
		return info.Size == o.obj.Files()[file].Size
	}
	return id.Matches(IdentityOf("", info))
}

// Check looks at all files as CheckFile does, and returns the first difference.
func (o *Object) Check() error {
	for i := range o.obj.Files() {
		if err := o.CheckFile(i); err != nil {
			return err
		}
	}
	return nil
}

// withRoot runs use on the open folder that a slot's name is relative to.
func (o *Object) withRoot(at int, use func(vfs.Root) error) error {
	if o.fetch != nil {
		return o.fetch.rootOf(at).with(use)
	}
	r, err := o.store.fs.OpenRoot(o.dir)
	if err != nil {
		return err
	}
	return errors.Join(use(r), r.Close())
}

// name is a slot's name below its root.
func (o *Object) name(at int) string {
	if o.fetch != nil {
		return o.fetch.name(o, at)
	}
	if id := o.slots[at].identity.Load(); id.Name != "" {
		return id.Name
	}
	return o.obj.Files()[at].Path.String()
}

// IsFetched reports whether the object is fetched, and no share.
func (o *Object) IsFetched() bool { return o.fetch != nil }

// At runs use on the open folder that a file of a fetched object is in now, and on its name there. It is for whoever takes
// the file elsewhere.
func (o *Object) At(file int, use func(folder vfs.Root, name string) error) error {
	return o.withRoot(file, func(r vfs.Root) error { return use(r, o.name(file)) })
}

// FullName is where a file lies now.
func (o *Object) FullName(file int) string { return o.full(file) }

// full is a slot's path, for errors.
func (o *Object) full(at int) string {
	switch {
	case o.lone:
		return o.dir
	case o.fetch != nil:
		return filepath.Join(o.fetch.rootOf(at).dir, o.name(at))
	default:
		return filepath.Join(o.dir, o.name(at))
	}
}

// closeFailed hears the outcome of closing a file. Some file systems only then say that a write failed.
func (o *Object) closeFailed(at int, err error) {
	if err != nil && o.fetch != nil {
		o.fetch.fail(&DiskError{Path: o.full(at), Op: "close", Err: err})
	}
}

// Close closes all files. It syncs nothing; what Sync has not returned must be hashed again.
func (o *Object) Close() error {
	o.closed.Store(true)
	o.Rest()
	if o.fetch == nil {
		return nil
	}
	return errors.Join(o.fetch.main.close(true), o.fetch.aside.close(true))
}
