package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// WriteAt writes bytes of a file to their place. The first write makes NAME.part and the folders above it. Bytes of a
// Whole file are dropped: they are there already, and a finished file is not written to again.
func (o *Object) WriteAt(p []byte, file int, off int64) error {
	if o.fetch == nil {
		return ErrShared
	}
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
	if wanted, err := o.begin(at); !wanted {
		return err
	}
	h, err := o.openToWrite(at)
	if err != nil {
		o.end(at, nil)
		return err
	}
	defer h.release()
	err = h.writeAt(p, off)
	o.end(at, h)
	if err != nil {
		return &DiskError{Path: o.full(at), Op: "write", Err: err}
	}
	o.fetch.see(at, off, len(p))
	return nil
}

// writeSlice is how much is written by one call. A call that takes long has the runtime start another thread in its place, and
// whoever waits for the file waits for it.
const writeSlice = 256 << 10

// writeAt writes to the file, one caller at a time: the kernel lets no two write to a file at once, and who waits for it there
// keeps a processor busy.
func (h *handle) writeAt(p []byte, off int64) error {
	for len(p) > 0 {
		n := min(len(p), writeSlice)
		if err := h.writeOne(p[:n], off); err != nil {
			return err
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

func (h *handle) writeOne(slice []byte, off int64) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	_, err := h.file.WriteAt(slice, off)
	return err
}

// Verified says that the bytes of an extent are on their place in the file, written or found there, and are what they
// should be. The next Sync makes them durable.
func (o *Object) Verified(e content.Extent) {
	if o.fetch == nil || e.Length == 0 || o.bounds(e.File, e.Offset, int(e.Length)) != nil {
		return
	}
	state := o.State(e.File)
	if state == Whole || state == Found {
		return // Finish makes a Found file durable
	}
	at, off, err := o.place(e.File, e.Offset)
	if err != nil {
		return
	}
	f := o.fetch
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failedOnce.Load() && f.failed == nil && !f.seen[at].Contains(off, off+e.Length) {
		// Written before a sync that failed, and called verified after it: the next Sync must not vouch for it.
		f.failed = &DiskError{Path: o.full(at), Op: "sync", Err: errEarlier}
	}
	r := f.pending[e.File]
	r.Add(e.Offset, e.End())
	f.pending[e.File] = r
	if f.dirty[at] == nil {
		f.dirty[at] = &writing{}
	}
}

// begin enters a write, which keeps Finish away from the file; false if there is nothing to write.
func (o *Object) begin(at int) (bool, error) {
	f := o.fetch
	f.mu.Lock()
	defer f.mu.Unlock()
	switch state := FileState(o.slots[at].state.Load()); {
	case state == Whole || f.leaving[at]:
		return false, nil
	case state == Found:
		return false, fmt.Errorf("%s: %w", o.full(at), ErrExists)
	default:
		f.busy[at]++
		return true, nil
	}
}

// end leaves it, with the handle written by if there was one.
func (o *Object) end(at int, h *handle) {
	f := o.fetch
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[at]--; f.busy[at] == 0 {
		delete(f.busy, at)
	}
	if h == nil {
		return
	}
	w := f.dirty[at]
	if w == nil {
		w = &writing{}
		f.dirty[at] = w
	}
	w.evicted = w.evicted || w.by != nil && w.by != h
	w.by = h
}

// openToWrite takes a slot's file into use, which it makes if it is not there.
func (o *Object) openToWrite(at int) (*handle, error) {
	// The folder first: it must be open before the first byte is written.
	if err := o.fetch.rootOf(at).hold(); err != nil {
		return nil, ErrorOf("open", o.fetch.rootOf(at).dir, err)
	}
	state := func() FileState { return FileState(o.slots[at].state.Load()) }
	if state() == Partial {
		return o.open(at)
	}
	o.fetch.making.Lock()
	defer o.fetch.making.Unlock()
	switch state() {
	case Aside:
		return o.openSide(at)
	case Absent:
		return o.make(at)
	case Doubtful:
		h, err := o.open(at)
		if err != nil {
			return nil, err
		}
		return o.resize(at, h)
	default:
		return o.open(at)
	}
}

// openSide opens the side file, and makes it the first time.
func (o *Object) openSide(at int) (*handle, error) {
	h, err := o.open(at)
	if !errors.Is(err, ErrMissing) {
		return h, err
	}
	err = o.fetch.aside.with(func(r vfs.Root) error {
		f, err := r.OpenFile(o.name(at), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		h, err = o.install(at, f)
		return err
	})
	return h, ErrorOf("create", o.full(at), err)
}

// make makes NAME.part in its full size, and the folders above it.
func (o *Object) make(at int) (*handle, error) {
	name := o.name(at)
	var f vfs.File
	err := o.fetch.main.with(func(r vfs.Root) (err error) {
		f, err = r.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := MakeFolders(r, path.Dir(name)); err != nil {
			return err
		}
		f, err = r.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	if err != nil {
		return nil, ErrorOf("create", o.full(at), err)
	}
	h, err := o.install(at, f)
	if err != nil {
		return nil, err
	}
	// From here on the file is ours, and of no use before it has its size.
	o.slots[at].state.Store(uint32(Doubtful))
	return o.resize(at, h)
}

// resize gives a Doubtful file its size.
func (o *Object) resize(at int, h *handle) (*handle, error) {
	if err := h.file.Truncate(o.obj.Files()[at].Size); err != nil {
		h.release()
		return nil, ErrorOf("resize", o.full(at), err)
	}
	o.slots[at].state.Store(uint32(Partial))
	return h, nil
}

// MakeFolders makes a folder and those above it, as far as they are missing. A symbolic link is no folder.
func MakeFolders(r vfs.Root, name string) error {
	if name == "." {
		return nil
	}
	info, err := r.Lstat(name)
	switch {
	case err == nil && info.Mode.IsDir():
		return nil
	case err == nil && info.Mode&fs.ModeSymlink != 0:
		return &fs.PathError{Op: "mkdir", Path: name, Err: vfs.ErrSymlink}
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := MakeFolders(r, path.Dir(name)); err != nil {
		return err
	}
	return r.Mkdir(name)
}
