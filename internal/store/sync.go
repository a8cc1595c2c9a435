package store

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"slices"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// syncEach is the number of files and folders up to which each is synced by itself. Above it one sync of the whole
// file system is cheaper.
const syncEach = 32

// Durable is a run of verified bytes that will survive a power loss. Its offsets are the file's own, also if the bytes
// lie in the side file.
type Durable struct {
	File int
	content.Range
}

// Sync makes everything written so far durable, beside further writes, and returns the ranges that were Verified
// before it began and not returned before, in order.
//
// After an error nothing that Sync has not returned is to be trusted, even if a read shows it: the system may have
// forgotten that it never reached the disk. The store forgets all those ranges; the caller fetches them again, or
// reads and hashes them again, before it calls Verified for them again.
func (o *Object) Sync() ([]Durable, error) {
	f := o.fetch
	if f == nil {
		return nil, nil
	}
	f.syncing.Lock()
	defer f.syncing.Unlock()

	f.mu.Lock()
	pending, dirty, err := f.pending, f.dirty, f.failed
	f.pending, f.dirty, f.failed = map[int]content.Ranges{}, map[int]*writing{}, nil
	f.mu.Unlock()

	if err == nil && len(dirty) > 0 {
		err = o.flush(dirty)
	}
	if err != nil {
		o.distrust(dirty)
		return nil, err
	}
	var durable []Durable
	for _, file := range sorted(pending) {
		for r := range pending[file].All() {
			durable = append(durable, Durable{file, r})
		}
	}
	o.rest()
	return durable, nil
}

// errEarlier stands for the error of a sync that failed before bytes written ahead of it were called verified.
var errEarlier = errors.New("an earlier sync failed")

// flush syncs files, and the names by which they are found.
func (o *Object) flush(dirty map[int]*writing) error {
	f := o.fetch
	if err := f.main.hold(); err != nil {
		return ErrorOf("open", f.main.dir, err)
	}
	var each, all []int // slots to sync one by one; slots that may go together
	together := false
	for _, at := range sorted(dirty) {
		w := dirty[at]
		if f.isSide(at) {
			if err := o.syncSide(at); err != nil {
				return err
			}
			continue
		}
		h := o.slots[at].handle.Load()
		if h != nil && f.main.foreign(h.device) {
			each = append(each, at)
		} else {
			all = append(all, at)
		}
		// A handle that is closed takes the knowledge of its failed writes along; the file system's does not forget.
		together = together || w.evicted || w.by != nil && w.by != h
	}
	names := o.names(dirty)
	if together || len(all)+len(names.folders) > syncEach {
		err := f.main.with(vfs.Root.SyncAll)
		if err == nil {
			all, names.folders = nil, nil
		} else if !errors.Is(err, errors.ErrUnsupported) {
			return &DiskError{Path: f.main.dir, Op: "sync", Err: err}
		}
	}
	for _, at := range append(each, all...) {
		if err := o.syncFile(at); err != nil {
			return err
		}
	}
	return o.anchor(names)
}

func (o *Object) syncFile(at int) error {
	h, err := o.open(at)
	if err != nil {
		return err
	}
	defer h.release()
	if err := h.file.Datasync(); err != nil {
		return &DiskError{Path: o.full(at), Op: "sync", Err: err}
	}
	return nil
}

func (o *Object) syncSide(at int) error {
	if err := o.syncFile(at); err != nil {
		return err
	}
	f := o.fetch
	if f.anchored[at] {
		return nil
	}
	if err := f.aside.with(func(r vfs.Root) error { return r.SyncDir(".") }); err != nil {
		return ErrorOf("sync", f.aside.dir, err)
	}
	f.anchored[at] = true
	return nil
}

// anchors are folders to be synced, and what is durable when they are.
type anchors struct {
	folders map[string]bool
	files   []int
	rooted  []string
}

// names are the anchors of files whose names may not be durable yet.
func (o *Object) names(dirty map[int]*writing) anchors {
	a := anchors{folders: map[string]bool{}}
	for _, at := range sorted(dirty) {
		if !o.fetch.anchored[at] && !o.fetch.isSide(at) {
			o.addAnchor(&a, at)
		}
	}
	return a
}

// addAnchor adds the folder of a file, and those above whose own names may not be durable yet.
func (o *Object) addAnchor(a *anchors, at int) {
	a.files = append(a.files, at)
	dir := path.Dir(o.name(at))
	a.folders[dir] = true
	for dir != "." && !o.fetch.rooted[dir] {
		a.rooted = append(a.rooted, dir)
		dir = path.Dir(dir)
		a.folders[dir] = true
	}
}

// anchor syncs the folders and remembers it.
func (o *Object) anchor(a anchors) error {
	f := o.fetch
	for _, dir := range sorted(a.folders) {
		if err := f.main.with(func(r vfs.Root) error { return r.SyncDir(dir) }); err != nil {
			return ErrorOf("sync", f.main.dir+"/"+dir, err)
		}
	}
	for _, at := range a.files {
		f.anchored[at] = true
	}
	for _, dir := range a.rooted {
		f.rooted[dir] = true
	}
	return nil
}

// distrust follows a failed sync: nothing pending is believed, what was to be synced stays so, and reads of it go to
// the disk.
func (o *Object) distrust(dirty map[int]*writing) {
	f := o.fetch
	f.failedOnce.Store(true)
	f.mu.Lock()
	for at, w := range dirty {
		if since := f.dirty[at]; since != nil {
			w.evicted, w.by = w.evicted || since.evicted || w.by != since.by, since.by
		}
		f.dirty[at] = w
	}
	f.mu.Unlock()
	for _, at := range sorted(dirty) {
		if h, err := o.open(at); err == nil {
			_ = h.file.DropCache() // best effort by its contract
			h.release()
		}
	}
	// What was verified before this point was read from the cache, or written too early.
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = map[int]content.Ranges{}
	f.seen = map[int]content.Ranges{}
}

// sorted are the keys of a map in order, so that the same calls touch the disk in the same order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// rest closes the folder when nothing is left to be written.
func (o *Object) rest() {
	f := o.fetch
	f.mu.Lock()
	idle := len(f.dirty)+len(f.busy) == 0
	f.mu.Unlock()
	for i := range o.obj.Files() {
		if s := o.State(i); s != Whole && s != Aside {
			return
		}
	}
	if idle {
		f.main.close(false)
		f.aside.close(false)
	}
}
