package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// FetchOptions say what is known of a fetched object.
type FetchOptions struct {
	// As is the name to store the object under; its own if zero.
	As content.Path
	// Selected says which files are wanted; nil means all.
	Selected []bool
	// Side is the absolute path of the file for bytes of files that are not selected. It must be ours alone, and its
	// folder must exist. Needed unless all are selected.
	Side string
	// Identities are those of the files that were finished, and zero for others; nil if none was.
	Identities []Identity
	// Resume says that files called NAME.part are this object's own. Without it they are somebody's.
	Resume bool
	// Succeeds says that the object takes the place of another version of itself; nil if it does not.
	Succeeds *Succession
}

// fetch is what an Object has more if it is fetched.
type fetch struct {
	as     content.Path
	lone   bool
	side   string
	base   []int64 // where each file begins in the side file
	main   holder  // the folder that the object's own name is in
	aside  holder  // the folder of the side file
	making sync.Mutex

	succeeds *succession

	syncing sync.Mutex // held by Sync, Finish and Reset from end to end

	mu      sync.Mutex
	pending map[int]content.Ranges // by file: verified, and not covered by a Sync that has begun
	dirty   map[int]*writing       // by slot: what the next Sync must sync
	busy    map[int]int            // by slot: writes under way
	failed  error                  // what the next Sync must report
	leaving map[int]bool           // files on their way to the final name: writes are dropped
	seen    map[int]content.Ranges // by slot: written, or read from the disk, since a sync failed

	failedOnce atomic.Bool // a sync has failed: seen is kept from now on

	// Under syncing:
	anchored map[int]bool    // by slot: its name, and those of the folders above, are durable
	rooted   map[string]bool // by folder: its name is durable
}

// writing is what a Sync needs to know of a file written to.
type writing struct {
	by      *handle // the handle that wrote last; nil if the bytes were there before
	evicted bool    // another handle wrote before it and is closed
}

// OpenFetched opens an object to be fetched into the folder dir, which need not exist, and looks what is there of it;
// see State. It is ErrExists if something that is not ours has a name the object needs.
func (s *Store) OpenFetched(dir string, obj content.Object, opt FetchOptions) (*Object, error) {
	if opt.As.IsZero() {
		opt.As = obj.Name()
	}
	f := &fetch{
		as: opt.As, lone: !obj.IsDir(), side: opt.Side,
		main: holder{fs: s.fs, dir: dir}, aside: holder{fs: s.fs, dir: filepath.Dir(opt.Side)},
		pending: map[int]content.Ranges{}, dirty: map[int]*writing{}, busy: map[int]int{}, leaving: map[int]bool{}, seen: map[int]content.Ranges{},
		anchored: map[int]bool{}, rooted: map[string]bool{}, succeeds: newSuccession(opt.Succeeds),
	}
	o := &Object{store: s, obj: obj, dir: dir, slots: make([]slot, len(obj.Files())+1), fetch: f}
	o.slots[len(obj.Files())].state.Store(uint32(Aside))
	if opt.Selected != nil {
		f.base = make([]int64, len(obj.Files()))
	}
	var look []int // files whose state must be found out
	var offset int64
	for i, file := range obj.Files() {
		switch {
		case opt.Selected != nil && (i >= len(opt.Selected) || !opt.Selected[i]):
			o.slots[i].state.Store(uint32(Aside))
		case i < len(opt.Identities) && !opt.Identities[i].IsZero():
			o.finished(i, opt.Identities[i])
		default:
			look = append(look, i)
		}
		if f.base != nil {
			f.base[i] = offset
			offset += file.Size
		}
	}
	if len(look) == 0 {
		return o, nil
	}
	var found error
	err := f.main.with(func(r vfs.Root) error {
		found = o.look(r, look, opt.Resume)
		return nil
	})
	if err := ErrorOf("open", dir, err); err != nil && !errors.Is(err, ErrMissing) {
		return nil, err
	}
	if found != nil {
		return nil, found
	}
	return o, nil
}

// look finds the states of files.
func (o *Object) look(r vfs.Root, files []int, resume bool) error {
	top, err := r.Lstat(o.fetch.as.String())
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return ErrorOf("stat", o.Path(), err)
	case err != nil && o.obj.IsDir():
		return nil
	case err == nil && o.obj.IsDir() && !top.Mode.IsDir() && o.fetch.succeeds == nil:
		return fmt.Errorf("%s: %w", o.Path(), ErrExists)
	}
	for _, i := range files {
		state, err := o.lookAt(r, i, resume)
		if err != nil {
			return err
		}
		o.slots[i].state.Store(uint32(state))
	}
	return nil
}

func (o *Object) lookAt(r vfs.Root, i int, resume bool) (FileState, error) {
	size := o.obj.Files()[i].Size
	final, err := r.Lstat(o.fetch.final(o, i))
	named := err == nil
	if err != nil && !errors.Is(ErrorOf("", "", err), ErrMissing) {
		return 0, ErrorOf("stat", o.full(i), err)
	}
	part, err := r.Lstat(o.fetch.part(o, i))
	begun := err == nil
	if err != nil && !errors.Is(ErrorOf("", "", err), ErrMissing) {
		return 0, ErrorOf("stat", o.full(i), err)
	}
	if begun && named && resume && part.Mode.IsRegular() && part.Inode != 0 && part.Same(final) {
		// A rename by link and unlink was interrupted between the two.
		if err := r.Remove(o.fetch.part(o, i)); err != nil {
			return 0, ErrorOf("remove", o.full(i), err)
		}
		begun = false
		if final, err = r.Lstat(o.fetch.final(o, i)); err != nil {
			return 0, ErrorOf("stat", o.full(i), err)
		}
	}
	named = named && !o.fetch.succeeds.gives(final, begun, size)
	switch {
	case begun && (named || !resume || !part.Mode.IsRegular()):
		return 0, fmt.Errorf("%s: %w", o.full(i), ErrExists)
	case begun && part.Size != size:
		return Doubtful, nil
	case begun:
		return Partial, nil
	case named && (!final.Mode.IsRegular() || final.Size != size):
		return 0, fmt.Errorf("%s: %w", filepath.Join(o.dir, o.fetch.final(o, i)), ErrExists)
	case named:
		// What is hashed from now on must be what Finish takes.
		id := IdentityOf("", final)
		o.slots[i].identity.Store(&id)
		return Found, nil
	default:
		return Absent, nil
	}
}

// finished makes a file Whole.
func (o *Object) finished(file int, id Identity) {
	o.slots[file].identity.Store(&id)
	o.slots[file].state.Store(uint32(Whole))
}

// rootOf is the folder that a slot's name is relative to.
func (f *fetch) rootOf(at int) *holder {
	if f.isSide(at) {
		return &f.aside
	}
	return &f.main
}

func (f *fetch) isSide(at int) bool { return f.base != nil && at == len(f.base) }

// name is a slot's present name below its root.
func (f *fetch) name(o *Object, at int) string {
	if f.isSide(at) {
		return filepath.Base(f.side)
	}
	if s := o.State(at); s == Whole || s == Found {
		return f.final(o, at)
	}
	return f.part(o, at)
}

// final is a file's name when it is Whole.
func (f *fetch) final(o *Object, file int) string {
	if f.lone {
		return f.as.String()
	}
	return f.as.String() + "/" + o.obj.Files()[file].Path.String()
}

// part is a file's name until then.
func (f *fetch) part(o *Object, file int) string {
	if f.lone {
		return f.as.Part().String()
	}
	return f.as.String() + "/" + o.obj.Files()[file].Path.Part().String()
}

// see remembers bytes that passed through our hands since a sync failed. Others that the caller calls verified were
// written before it, and may be lost.
func (f *fetch) see(at int, off int64, length int) {
	if !f.failedOnce.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.seen[at]
	r.Add(off, off+int64(length))
	f.seen[at] = r
}

// fail has the next Sync fail.
func (f *fetch) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = errors.Join(f.failed, err)
}

// holder is a folder that is opened when needed, and kept open from the first write on: a sync of the whole file
// system reports the writes that failed since its folder was opened.
type holder struct {
	fs  vfs.FS
	dir string

	mu     sync.RWMutex
	root   vfs.Root
	device uint64
	shut   bool
}

// with runs use on the open folder. It must not be called within use.
func (h *holder) with(use func(vfs.Root) error) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.root != nil {
		return use(h.root)
	}
	r, err := h.fs.OpenRoot(h.dir)
	if err != nil {
		return err
	}
	return errors.Join(use(r), r.Close())
}

// hold opens the folder to keep it, and makes it if it is missing.
func (h *holder) hold() error {
	h.mu.RLock()
	held := h.root != nil
	h.mu.RUnlock()
	if held {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.root != nil {
		return nil
	}
	if h.shut {
		return fs.ErrClosed
	}
	if err := h.fs.MkdirAll(h.dir); err != nil {
		return err
	}
	r, err := h.fs.OpenRoot(h.dir)
	if err != nil {
		return err
	}
	info, err := r.Lstat(".")
	if err != nil {
		return errors.Join(err, r.Close())
	}
	h.root, h.device = r, info.Device
	return nil
}

// foreign reports whether a device is not that of the folder, which is held.
func (h *holder) foreign(device uint64) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return device != h.device
}

// close closes the folder; it is not held again if that was the last time.
func (h *holder) close(last bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = h.shut || last
	if h.root == nil {
		return nil
	}
	err := h.root.Close()
	h.root = nil
	return err
}
