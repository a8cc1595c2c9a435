package node

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Share adopts a file or folder where it lies, reads it once for all digests, and serves it. The same path with the same
// content again is the same object, and is not read again.
func (n *Node) Share(ctx context.Context, req create.Request, progress create.Progress, note create.Note) (Object, error) {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return Object{}, err
	}
	defer leave()
	o, err := n.share(ctx, req, progress, note)
	if err != nil {
		return Object{}, fault.Explain(err)
	}
	return o.Describe(), nil
}

func (n *Node) share(ctx context.Context, req create.Request, progress create.Progress, note create.Note) (*object.Object, error) {
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
	if o, err := n.alreadyShared(ctx, req); o != nil || err != nil {
		return o, err
	}
	m, err := create.Measure(ctx, n.rooms.Disk.Store, req, progress, note)
	if err != nil {
		return nil, err
	}
	n.adding.Lock()
	if o := n.books.Holding(m.Info.Hash); o != nil {
		n.adding.Unlock() // the object may be in use for long
		return n.shareHeld(ctx, o, m, req)
	}
	defer n.adding.Unlock()
	r := catalog.Record{
		Kind: catalog.Shared, State: catalog.State(swarm.Seeding), Name: m.Info.Name.String(), Root: m.Path, Dir: m.Info.Dir,
		Size: m.Info.Object().Size(), InfoHash: m.Info.Hash, Info: m.Info.Raw, Private: m.Info.Private,
		Trackers: inspect.Tiers(req.Trackers), WebSeeds: req.WebSeeds, Comment: req.Comment,
		AddedAt: n.cfg.Now(), DoneAt: n.cfg.Now(),
	}
	whole := catalog.Contents{PieceLayers: m.Layers}
	whole.Files, whole.Verified = local.Rows(m.Info.Object(), m.IDs)
	if r.ID, err = n.catalog.AddWhole(ctx, r, whole); err != nil {
		m.Files.Close()
		return nil, err
	}
	o := object.New(n.rooms, r, 0)
	o.Serve(n.measured(o, m))
	o.Publish(news.EventAdded, "") // before any other news of it
	n.books.Enter(o, nil)
	o.Discover()
	return o, nil
}

// shareHeld is Share for bytes that are held already under the same name: fetched, shared from another path, or shared
// from this one before the files were touched.
func (n *Node) shareHeld(ctx context.Context, o *object.Object, m *create.Measured, req create.Request) (*object.Object, error) {
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
	failed := n.catalog.SetFiles(ctx, o.ID, files)
	if failed == nil {
		failed = n.catalog.ReplaceVerified(ctx, o.ID, verified)
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
	again.Serve(n.measured(again, m))
	again.Discover()
	return again, again.AddTrackers(ctx, req.Trackers)
}

// alreadyShared finds the object that the same request made before, if the disk is as it was then.
func (n *Node) alreadyShared(ctx context.Context, req create.Request) (*object.Object, error) {
	format, err := create.ParseFormat(req.Format)
	if err != nil {
		return nil, err
	}
	var was *object.Object
	for _, o := range n.books.All() {
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
	obj, ids, err := n.rooms.Disk.Store.Adopt(req.Path, store.AdoptOptions{Name: req.Name})
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
func (n *Node) measured(o *object.Object, m *create.Measured) *local.Object {
	return n.rooms.Disk.Shared(o.ID, m.Info, m.Layers, m.Files)
}
