package object

import (
	"errors"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/patrol"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Post is what a patrol looks at: all files of an object that is seeded, one of an object that has lost some, and none of any
// other. The folder of a published feed has its own watcher, to which a change is a new version.
func (o *Object) Post() patrol.Post {
	post := patrol.Post{ID: o.ID}
	b := o.Body()
	switch {
	case b == nil:
	case o.isAstray():
		post.Files = 1
	case o.isSeeded() && b.Whole() && o.Record().Feed.Role != catalog.Published:
		post.Files = len(b.Object.Files())
	}
	return post
}

// isSeeded reports whether an object is seeded, or will be when it is its turn.
func (o *Object) isSeeded() bool {
	state, _ := o.Swarm.State()
	return state == swarm.Seeding || state == swarm.Paused && o.Waits()
}

// isAstray reports whether an object was stopped because its files do not look as they did. If their bytes were read and wrong
// it was not: they may look right.
func (o *Object) isAstray() bool {
	state, why := o.Swarm.State()
	return (state == swarm.Changed || state == swarm.Missing) && isLoss(why)
}

func isLoss(err error) bool {
	return errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrMissing)
}

// LookAt looks at files [from, to): whether they are what they were or, if the object has been stopped because they were not,
// whether all of it is back. It is the patrol's alone.
func (o *Object) LookAt(from, to int) {
	b := o.Body()
	switch {
	case b == nil:
	case o.isAstray():
		some := func(err error) bool { return err != nil }
		if o.find(b, o.astray, o.astray+1, some) < 0 && o.find(b, 0, len(b.Object.Files()), some) < 0 {
			o.comeBack(b)
		}
	case o.isSeeded():
		if at := o.find(b, from, to, isLoss); at >= 0 {
			o.lose(b, at)
		}
		if from == 0 && o.Swarm.Snapshot(o.rooms.Now()).Peers == 0 {
			b.Files.Rest()
		}
	}
}

// find finds the first of files [from, to) of which what is found on the disk is wrong; -1 if there is none.
func (o *Object) find(b *local.Object, from, to int, wrong func(error) bool) int {
	for i := from; i < min(to, len(b.Object.Files())) && o.Life.Err() == nil; i++ {
		if wrong(b.Files.CheckFile(i)) {
			o.astray = i
			return i
		}
	}
	return -1
}

// lose stops an object that has lost a file, unless that was moved by us, or replaced, just now.
func (o *Object) lose(b *local.Object, at int) {
	done, ok := o.tryManage(b)
	if !ok {
		return
	}
	defer done()
	if err := b.Files.CheckFile(at); o.isSeeded() && isLoss(err) {
		o.Unreadable(err)
		b.Files.Rest()
	}
}

// comeBack takes up an object that has its files again.
func (o *Object) comeBack(b *local.Object) {
	done, ok := o.tryManage(b)
	if !ok {
		return
	}
	defer done()
	if !o.isAstray() || o.Life.Err() != nil {
		return
	}
	o.rooms.Log.Info("the files of an object are back", "id", o.ID)
	if _, err := o.Resume(o.rooms.Life); err != nil {
		o.rooms.Log.Warn("cannot take up an object", "id", o.ID, "err", err)
	}
}

// tryManage is Manage for an object that has a body and whose files are not on their way to another folder; false if somebody else
// manages it.
func (o *Object) tryManage(b *local.Object) (done func(), ok bool) {
	if !o.managing.TryLock() {
		return nil, false
	}
	if !o.rooms.Books.holds(o) || o.rooms.Books.isAway(o.ID) || o.Body() != b {
		o.managing.Unlock()
		return nil, false
	}
	return o.managing.Unlock, true
}
