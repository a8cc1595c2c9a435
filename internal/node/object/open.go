package object

import (
	"context"
	"errors"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/selection"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Await waits until an object from an earlier run has been opened.
func (o *Object) Await(ctx context.Context) error {
	o.mu.Lock()
	opened := o.opened
	o.mu.Unlock()
	if opened == nil {
		return nil
	}
	select {
	case <-opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Open takes up an object from its record and the disk.
func (o *Object) Open() {
	opening := o.Opening()
	open := func() { opening(nil) }
	if !o.Run(open) {
		open()
	}
}

// Opening is Open for whoever takes up many objects: from now on they are waited for by Await, and what it returns is to be done once
// for each, with what the catalog has of its files; nil if that is still to be asked.
func (o *Object) Opening() (open func([]catalog.FileRow)) {
	opened := make(chan struct{})
	o.mu.Lock()
	o.opened = opened
	o.mu.Unlock()
	return func(files []catalog.FileRow) {
		defer close(opened)
		if !o.isOver() && o.Life.Err() == nil {
			o.restore(files)
		}
	}
}

// IsDone reports whether all of an object was there before, so that hardly anything is read when it is taken up.
func (o *Object) IsDone() bool {
	r := o.Record()
	return r.Kind == catalog.Shared || !r.DoneAt.IsZero()
}

func (o *Object) restore(files []catalog.FileRow) {
	r := o.Record()
	o.HearLinked()
	o.recall()
	if r.Info == nil {
		o.setInMotion(func() { o.Swarm.Resume(o.rooms.Now()) })
		o.Discover()
		return
	}
	info, err := metainfo.ParseInfo(r.Info)
	if err != nil {
		o.Fail(swarm.Failed, err)
		return
	}
	layers := o.knownLayers(info)
	if r.Kind == catalog.Fetched {
		if err := o.settleOldMove(info); err != nil {
			o.Fail(StateOf(err), err)
			return
		}
		how := resume
		if r.Name == "" {
			how = fresh
		}
		o.openFetched(info, layers, how)
		return
	}
	o.restoreShared(info, layers, files)
}

// knownLayers are the piece layers that the catalog has; those of v1 alone do not exist.
func (o *Object) knownLayers(info *metainfo.Info) map[metainfo.HashV2][]metainfo.HashV2 {
	if _, ok := info.Hash.V2(); !ok {
		return nil
	}
	layers, err := o.rooms.Catalog.PieceLayers(o.Life, o.ID)
	if err != nil {
		o.rooms.Log.Warn("the piece layers of an object are lost", "id", o.ID, "err", err)
	}
	return layers
}

// restoreShared serves a share again if the disk is as it was; nothing is hashed.
func (o *Object) restoreShared(info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, files []catalog.FileRow) {
	if files == nil {
		var err error
		if files, err = o.rooms.Catalog.Files(o.Life, o.ID); err != nil {
			o.Fail(swarm.Failed, err)
			return
		}
	}
	b := o.rooms.Disk.ReopenShared(o.Record(), files, info, layers)
	o.Serve(b)
	if state, _ := o.Swarm.State(); state == swarm.Paused && !o.Waits() {
		return
	}
	if err := b.Files.Check(); err != nil {
		o.Unreadable(err)
		return
	}
	o.Discover()
}

// settleOldMove settles what a crash, or a disk that was not there, left of a move.
func (o *Object) settleOldMove(info *metainfo.Info) error {
	if o.rooms.Books.isAway(o.ID) {
		return nil // it is under way
	}
	note, ok, err := moving.Unsettled(o.Life, o.rooms.Catalog, o.ID)
	if err != nil || !ok {
		return err
	}
	mv, err := moving.New(o.rooms.Disk, o.rooms.Log, o.Record(), info, note.From, note.To)
	if err != nil {
		return err
	}
	o.rooms.Log.Info("settling the move of an object", "id", o.ID, "from", note.From, "to", note.To)
	err = mv.Settle()
	var left *moving.LeftError
	if errors.As(err, &left) {
		o.rooms.Log.Warn("something is left of a move", "id", o.ID, "err", left.Err)
		return nil
	}
	return err
}

// MetadataFound goes on with an object whose info dictionary has come from peers.
func (o *Object) MetadataFound(raw []byte) {
	info, err := metainfo.ParseInfo(raw)
	if err != nil {
		o.Fail(swarm.Failed, err)
		return
	}
	if o.scouting != nil {
		if c, more := o.scouting.MetadataFound(info); more {
			o.Swarm.Open(o.rooms.Now(), c)
		}
		return
	}
	if other := o.rooms.Books.Holding(info.Hash); other != nil && other != o {
		o.Fail(swarm.Failed, fault.New(fault.ExitFailed, "exists", "this object is held already, as "+other.ID, "", nil))
		return
	}
	o.openFetched(info, nil, fresh)
}

// OpenNew goes on with an object that is fetched from a .torrent and has no place on the disk yet.
func (o *Object) OpenNew(t *metainfo.Torrent) { o.openFetched(t.Info, t.PieceLayers, fresh) }

// opening says whether an object's place on disk is still to be found, or is known from an earlier run.
type opening bool

const (
	fresh  opening = false
	resume opening = true
)

// openFetched goes from the metadata to a swarm in motion: a place on disk, what is there already, room for the rest.
func (o *Object) openFetched(info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, how opening) {
	err := o.tryOpenFetched(info, layers, how)
	switch {
	case err == nil:
	case o.Life.Err() != nil: // removed or closed meanwhile
	default:
		o.Fail(swarm.Failed, err)
	}
}

func (o *Object) tryOpenFetched(info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, how opening) error {
	ctx := o.Life
	wanted, err := selection.Mark(o.Record().Selected, info.Object())
	if err != nil {
		return err
	}
	b := o.rooms.Disk.New(o.ID, info, layers, wanted)
	recorded := make([]content.Ranges, len(info.Files))
	var lost error // why it cannot go on before the user has done something
	if how == resume {
		if recorded, lost, err = b.Reopen(ctx, o.Record()); err != nil {
			return err
		}
	} else if err := o.findPlace(ctx, b, layers); err != nil {
		return err
	}
	verified := recorded
	if lost == nil {
		if verified, err = b.CheckDisk(ctx, recorded); err == nil {
			err = b.CheckRoom(verified)
		}
		if err == nil {
			err = b.Inherit(ctx, verified)
		}
		if err != nil {
			b.Files.Close()
			return err
		}
	}
	b.Intake = intake.New(intake.Config{
		Layout: b.Layout, Hashes: b.Hashes, Files: b.Files, Budget: o.rooms.Budget, Pool: o.rooms.Pool,
		NeedLeaves: o.Swarm.NeedLeaves,
		Report:     func(piece int, v torrent.Verdict, err error) { o.checked(b, piece, v, err) },
	})
	o.embody(b, b.Layout.Complete(verified))
	if lost != nil {
		o.Fail(StateOf(lost), lost)
		return nil
	}
	b.TakeOver(recorded, verified)
	switch {
	case !b.Whole():
		o.Run(func() { o.keep(b, recorded) })
	case o.Record().DoneAt.IsZero():
		o.finished()
	}
	o.Discover()
	o.Stir()
	return nil
}

// findPlace finds an object's place on the disk and writes it down.
func (o *Object) findPlace(ctx context.Context, b *local.Object, layers map[metainfo.HashV2][]metainfo.HashV2) error {
	claim := func(path string) bool { return o.rooms.Books.Claim(path, o) }
	if err := b.FindPlace(ctx, o.Record().Root, claim); err != nil {
		return err
	}
	change, err := b.RecordPlace(ctx, layers)
	if err == nil {
		err = o.update(ctx, change)
	}
	if err != nil {
		b.Files.Close()
	}
	return err
}
