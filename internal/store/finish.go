package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Finish gives files their final names, durably, and their identities. All their bytes must have been returned by
// Sync; the caller answers for that, and Finish refuses a file that was written to since (ErrNotDurable). A file of no
// bytes is made here. A Found file, whose bytes the caller has hashed, is taken as it is. Finishing a Whole file again
// is no error. A name that is taken is ErrExists, and stays untouched.
//
// Files before the one that failed may be finished; see State.
func (o *Object) Finish(files ...int) error {
	if o.fetch == nil {
		return ErrShared
	}
	f := o.fetch
	f.syncing.Lock()
	defer f.syncing.Unlock()
	if err := f.main.hold(); err != nil {
		return ErrorOf("open", f.main.dir, err)
	}
	a := anchors{folders: map[string]bool{}}
	ids := make(map[int]Identity, len(files))
	var at lastFolder
	defer at.close()
	var failed error
	for _, i := range files {
		if o.State(i) == Whole && f.anchored[i] {
			continue
		}
		id, err := o.publish(&at, i)
		if err != nil {
			o.stay(i)
			failed = err
			break
		}
		o.addAnchor(&a, i)
		ids[i] = id
	}
	if err := o.settle(a); err != nil {
		return errors.Join(failed, err)
	}
	for i, id := range ids {
		o.finished(i, id)
	}
	if failed == nil {
		o.rest()
	}
	return failed
}

// settle makes the final names durable.
func (o *Object) settle(a anchors) error {
	if len(a.folders) > syncEach {
		err := o.fetch.main.with(vfs.Root.SyncAll)
		if err == nil {
			a.folders = nil
		} else if !errors.Is(err, errors.ErrUnsupported) {
			return &DiskError{Path: o.dir, Op: "sync", Err: err}
		}
	}
	return o.anchor(a)
}

// lastFolder is the folder of the file that was finished last, kept open since the next one is likely in it.
type lastFolder struct {
	name string
	root vfs.Root
}

func (l *lastFolder) open(r vfs.Root, name string) (vfs.Root, error) {
	if l.root != nil && l.name == name {
		return l.root, nil
	}
	l.close()
	root, err := r.OpenFolder(name)
	if err != nil {
		return nil, err
	}
	l.name, l.root = name, root
	return root, nil
}

func (l *lastFolder) close() {
	if l.root != nil {
		l.root.Close()
		l.root = nil
	}
}

// publish renames one file; what is read of it meanwhile is still the Partial file.
func (o *Object) publish(at *lastFolder, i int) (Identity, error) {
	if err := o.ready(i); err != nil {
		return Identity{}, err
	}
	o.rename.Lock()
	defer o.rename.Unlock()
	final := o.fetch.final(o, i)
	var id Identity
	err := o.fetch.main.with(func(r vfs.Root) error {
		switch o.State(i) {
		case Whole: // from before, when the folder could not be synced
		case Found:
			if err := o.syncFound(r, i); err != nil {
				return err
			}
		case Absent:
			if err := o.publishEmpty(r, i); err != nil {
				return err
			}
		default:
			if err := o.publishPart(r, at, i); err != nil {
				return err
			}
		}
		folder, err := at.open(r, path.Dir(final))
		if err != nil {
			return err
		}
		info, err := folder.Lstat(path.Base(final))
		if err != nil {
			return err
		}
		if !info.Mode.IsRegular() || info.Size != o.obj.Files()[i].Size {
			return ErrChanged
		}
		id = IdentityOf("", info)
		o.slots[i].identity.Store(&id)
		return nil
	})
	if errors.Is(err, ErrChanged) {
		return id, fmt.Errorf("%s: %w", o.full(i), ErrChanged)
	}
	return id, ErrorOf("rename", o.full(i), err)
}

// publishPart renames NAME.part to NAME, in the place of a former version's if there is one.
func (o *Object) publishPart(r vfs.Root, at *lastFolder, i int) error {
	final := o.fetch.final(o, i)
	folder, err := at.open(r, path.Dir(final))
	if err != nil {
		return err
	}
	part, name := path.Base(o.fetch.part(o, i)), path.Base(final)
	if err := o.checkPart(folder, part, i); err != nil {
		return err
	}
	over, err := o.vacate(r, final)
	if err != nil {
		return err
	}
	// Some systems rename no file that is open.
	o.store.cache.drop(&o.slots[i])
	if over {
		err = folder.RenameOver(part, name)
	} else {
		err = folder.RenameNoReplace(part, name)
	}
	if err != nil {
		return err
	}
	// Until the name is durable: readers must find the file under it.
	o.slots[i].state.Store(uint32(Found))
	return nil
}

// publishEmpty makes a file of no bytes.
func (o *Object) publishEmpty(r vfs.Root, i int) error {
	final := o.fetch.final(o, i)
	over, err := o.vacate(r, final)
	switch {
	case err != nil:
		return err
	case over:
		return makeEmptyOver(r, o.fetch.part(o, i), final)
	}
	return makeEmpty(r, final)
}

// ready checks our own books, whether a file can be finished, and keeps writes away from it from now on.
func (o *Object) ready(i int) error {
	f := o.fetch
	f.mu.Lock()
	defer f.mu.Unlock()
	pending := f.pending[i]
	switch state := o.State(i); {
	case state == Aside:
		return fmt.Errorf("store: %s: file %d is not selected", o.obj.Name(), i)
	case state == Absent && o.obj.Files()[i].Size > 0:
		return fmt.Errorf("%s: %w", o.full(i), ErrMissing)
	case state == Doubtful, !pending.IsEmpty(), f.dirty[i] != nil, f.busy[i] > 0:
		return fmt.Errorf("%s: %w", o.full(i), ErrNotDurable)
	}
	f.leaving[i] = true
	return nil
}

// stay lets a file be written to again that got no final name.
func (o *Object) stay(i int) {
	o.fetch.mu.Lock()
	defer o.fetch.mu.Unlock()
	if s := o.State(i); s != Found && s != Whole {
		delete(o.fetch.leaving, i)
	}
}

// checkPart makes sure that the file about to be published is the one we wrote.
func (o *Object) checkPart(folder vfs.Root, part string, i int) error {
	info, err := folder.Lstat(part)
	if err != nil {
		return err
	}
	if !info.Mode.IsRegular() || info.Size != o.obj.Files()[i].Size {
		return ErrChanged
	}
	h := o.slots[i].acquire()
	if h == nil {
		return nil
	}
	defer h.release()
	ours, err := h.file.Stat()
	if err == nil && !ours.Same(info) {
		err = ErrChanged
	}
	return err
}

// makeEmpty makes a file of no bytes. One that is there is taken: it has all the bytes it needs.
func makeEmpty(r vfs.Root, name string) error {
	if err := MakeFolders(r, path.Dir(name)); err != nil {
		return err
	}
	f, err := r.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		if info, err := r.Lstat(name); err == nil && info.Mode.IsRegular() && info.Size == 0 {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// syncFound makes a file durable that has its name already, if it is still the one the caller hashed.
func (o *Object) syncFound(r vfs.Root, i int) error {
	f, err := r.OpenFile(o.fetch.final(o, i), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = f.Datasync()
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return err
	}
	if id := o.slots[i].identity.Load(); id != nil && !id.Matches(IdentityOf("", info)) {
		return ErrChanged
	}
	return nil
}

// Reset forgets an unfinished file that is damaged or gone: what is left of NAME.part is removed, and the next write
// makes a new one.
func (o *Object) Reset(file int) error {
	if o.fetch == nil {
		return ErrShared
	}
	f := o.fetch
	f.syncing.Lock()
	defer f.syncing.Unlock()
	o.rename.Lock()
	defer o.rename.Unlock()
	state := o.State(file)
	if state != Partial && state != Doubtful {
		return nil
	}
	f.mu.Lock()
	busy := f.busy[file] > 0
	if !busy {
		delete(f.pending, file)
		delete(f.dirty, file)
		delete(f.anchored, file)
	}
	f.mu.Unlock()
	if busy {
		return fmt.Errorf("%s: %w", o.full(file), ErrNotDurable)
	}
	err := ErrorOf("remove", o.full(file), f.main.with(func(r vfs.Root) error { return r.Remove(f.part(o, file)) }))
	if err != nil && !errors.Is(err, ErrMissing) {
		return err
	}
	o.store.cache.drop(&o.slots[file])
	o.slots[file].state.Store(uint32(Absent))
	return nil
}
