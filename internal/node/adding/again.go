package adding

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/selection"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// again is Get for an object that is held already: new sources help it, what stopped it is tried once more, and files that
// were not selected the first time can be added.
func (a *Adder) again(ctx context.Context, o *object.Object, req Request, w *inspect.Wanted, typed []inspect.Peer) (*object.Object, error) {
	o, done, err := o.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	o.Hear(typed)
	o.BePatient(req.Wait)
	if err := o.AddPeers(ctx, slices.Concat(w.Peers, req.Peers)); err != nil {
		return nil, err
	}
	o.HearLinked()
	if err := o.AddTrackers(ctx, slices.Concat(w.Trackers...)); err != nil {
		return nil, err
	}
	if err := o.AddServers(ctx, w.WebSeeds); err != nil {
		return nil, err
	}
	if o, err = a.wantAgain(ctx, o, req, w); err != nil {
		return nil, err
	}
	return o.Resume(ctx)
}

// wantAgain takes what a later Get of an object wants over what the first one wanted, and returns the object that goes on.
// While nothing of it has a place on the disk, everything may change; later, files can only be added.
func (a *Adder) wantAgain(ctx context.Context, o *object.Object, req Request, w *inspect.Wanted) (*object.Object, error) {
	r := o.Record()
	if r.Kind != catalog.Fetched {
		return o, nil
	}
	if r.Name != "" {
		return a.widen(ctx, o, r, w)
	}
	root := r.Root
	if req.Dir != "" {
		var err error
		if root, err = filepath.Abs(req.Dir); err != nil {
			return nil, err
		}
	}
	named := r.Info == nil && w.Explains(r.InfoHash)
	if !named && root == r.Root && slices.Equal(w.Selected, r.Selected) && req.Sequential == r.Sequential {
		return o, nil
	}
	return o.Begin(ctx, func(r *catalog.Record) {
		if r.Name != "" {
			return // it has found its place meanwhile
		}
		r.Root, r.Selected, r.Sequential = root, w.Selected, req.Sequential
		if named && r.Info == nil {
			r.InfoHash, r.Info, r.Private, r.Comment = w.Hash, w.Torrent.Info.Raw, w.Torrent.Info.Private, w.Torrent.Comment
		}
	})
}

// widen adds files to those selected.
func (a *Adder) widen(ctx context.Context, o *object.Object, r catalog.Record, w *inspect.Wanted) (*object.Object, error) {
	if len(r.Selected) == 0 {
		return o, nil
	}
	info, err := metainfo.ParseInfo(r.Info)
	if err != nil {
		return nil, err
	}
	had, err := selection.Mark(r.Selected, info.Object())
	if err != nil {
		return nil, err
	}
	more, err := selection.Mark(w.Selected, info.Object())
	if err != nil {
		return nil, err
	}
	var selected []string // nil is all
	var both link.Selection
	added := make(map[int]catalog.Priority)
	for i := range had {
		wants := more == nil || more[i]
		if wants && !had[i] {
			added[i] = catalog.Normal
		}
		if wants || had[i] {
			both = append(both, link.Range{First: i, Last: i})
		}
	}
	if len(added) == 0 {
		return o, nil
	}
	if len(both) < len(had) {
		selected = selection.ByIndex(both)
	}
	for i := range added {
		if err := a.rooms.Disk.CheckClear(filepath.Join(r.Root, r.Name), info.Object().Files()[i]); err != nil {
			return nil, err
		}
	}
	if err := a.rooms.Catalog.SetPriority(ctx, o.ID, added); err != nil {
		return nil, err
	}
	return o.Begin(ctx, func(r *catalog.Record) { r.Selected, r.DoneAt = selected, time.Time{} })
}
