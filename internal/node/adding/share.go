package adding

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Share adopts a file or folder where it lies, reads it once for all digests, and serves it. The same path with the same
// content again is the same object, and is not read again.
func (a *Adder) Share(ctx context.Context, req create.Request, progress create.Progress, note create.Note) (*object.Object, error) {
	var err error
	if req.Path, err = filepath.Abs(req.Path); err != nil {
		return nil, err
	}
	if err := inspect.CheckTrackers(req.Trackers); err != nil {
		return nil, err
	}
	if err := inspect.CheckWebSeeds(req.WebSeeds); err != nil {
		return nil, err
	}
	if o, err := a.alreadyShared(ctx, req); o != nil || err != nil {
		return o, err
	}
	m, err := create.Measure(ctx, a.rooms.Disk.Store, req, progress, note)
	if err != nil {
		return nil, err
	}
	a.deciding.Lock()
	if o := a.rooms.Books.Holding(m.Info.Hash); o != nil {
		a.deciding.Unlock() // the object may be in use for long
		return a.shareHeld(ctx, o, m, req)
	}
	defer a.deciding.Unlock()
	r := catalog.Record{
		Kind: catalog.Shared, State: catalog.State(swarm.Seeding), Name: m.Info.Name.String(), Root: m.Path, Dir: m.Info.Dir,
		Size: m.Info.Object().Size(), InfoHash: m.Info.Hash, Info: m.Info.Raw, Private: m.Info.Private,
		Trackers: inspect.Tiers(req.Trackers), WebSeeds: req.WebSeeds, Comment: req.Comment,
		AddedAt: a.rooms.Now(), DoneAt: a.rooms.Now(),
	}
	whole := catalog.Contents{PieceLayers: m.Layers}
	whole.Files, whole.Verified = local.Rows(m.Info.Object(), m.IDs)
	if r.ID, err = a.rooms.Catalog.AddWhole(ctx, r, whole); err != nil {
		m.Files.Close()
		return nil, err
	}
	o := object.New(a.rooms, r, 0)
	o.Serve(a.measured(o, m))
	o.Publish(news.EventAdded, "") // before any other news of it
	a.rooms.Books.Enter(o, nil)
	o.Discover()
	return o, nil
}

// shareHeld is Share for bytes that are held already under the same name: fetched, shared from another path, or shared
// from this one before the files were touched.
func (a *Adder) shareHeld(ctx context.Context, o *object.Object, m *create.Measured, req create.Request) (*object.Object, error) {
	o, done, err := o.Manage()
	if err != nil {
		m.Files.Close()
		return nil, err
	}
	defer done()
	r := o.Record()
	state, _ := o.Swarm.State()
	if r.Kind == catalog.Fetched || r.Root != m.Path && (object.Moving(state) || state == swarm.Checking || o.Waits()) {
		m.Files.Close()
		return o, o.AddTrackers(ctx, req.Trackers)
	}
	// The files just read are the object's from now on.
	o.Halt()
	files, verified := local.Rows(m.Info.Object(), m.IDs)
	failed := a.rooms.Catalog.SetFiles(ctx, o.ID, files)
	if failed == nil {
		failed = a.rooms.Catalog.ReplaceVerified(ctx, o.ID, verified)
	}
	again, err := o.Restart(ctx, func(r *catalog.Record) {
		r.Root, r.State, r.Error = m.Path, catalog.State(swarm.Seeding), ""
	})
	if err = errors.Join(failed, err); err != nil {
		m.Files.Close()
		if again != nil {
			again.Fail(swarm.Failed, err)
		}
		return nil, err
	}
	again.Serve(a.measured(again, m))
	again.Discover()
	return again, again.AddTrackers(ctx, req.Trackers)
}

// alreadyShared finds the object that the same request made before, if the disk is as it was then.
func (a *Adder) alreadyShared(ctx context.Context, req create.Request) (*object.Object, error) {
	format, err := create.ParseFormat(req.Format)
	if err != nil {
		return nil, err
	}
	var was *object.Object
	for _, o := range a.rooms.Books.All() {
		r := o.Record()
		if r.Kind != catalog.Shared || r.Root != req.Path {
			continue
		}
		if err := o.Await(ctx); err != nil {
			return nil, err
		}
		b := o.Body()
		if b != nil && b.Info.Format() == format && b.Info.Private == req.Private &&
			(req.PieceLength == 0 || req.PieceLength == b.Info.PieceLength) && (req.Name == "" || req.Name == b.Info.RawName()) {
			was = o
		}
	}
	if was == nil {
		return nil, nil
	}
	obj, ids, err := a.rooms.Disk.Store.Adopt(req.Path, store.AdoptOptions{Name: req.Name})
	if err != nil {
		return nil, err
	}
	if !was.Body().IsAsShared(obj, ids) {
		return nil, nil
	}
	was, done, err := was.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := was.AddTrackers(ctx, req.Trackers); err != nil {
		return nil, err
	}
	return was.Resume(ctx)
}

// measured is a share as it lies on the disk, as it was measured.
func (a *Adder) measured(o *object.Object, m *create.Measured) *local.Object {
	return a.rooms.Disk.Shared(o.ID, m.Info, m.Layers, m.Files)
}
