package adding

import (
	"context"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/feed"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Accept takes what lies at the place of a share now as its new version: it is read again, and keeps its id. What has
// changed has new info-hashes, and so another link. A paused share stays paused. The caller manages the object, and goes on with the
// one returned.
func (a *Adder) Accept(ctx context.Context, o *object.Object, progress func(done, total int64)) (*object.Object, error) {
	b := o.Body()
	if b == nil {
		return nil, fault.New(fault.ExitFailed, "failed", "it is not known how this was shared", "remove it, and share it again", nil)
	}
	r := o.Record()
	req := create.Request{Path: r.Root, Format: b.Info.Format().String(), Private: b.Info.Private}
	if raw := b.Info.RawName(); content.MakePath(raw).String() != content.MakePath(filepath.Base(r.Root)).String() {
		req.Name = raw // the user's choice
	}
	if b.Info.PieceLength != torrent.ChoosePieceLength(b.Object.Size()) {
		req.PieceLength = b.Info.PieceLength // the user's choice
	}
	_, goBack := o.Check()
	m, err := create.Measure(ctx, a.rooms.Disk.Store, req, progress, nil)
	if err != nil {
		goBack()
		return nil, err
	}
	a.deciding.Lock()
	defer a.deciding.Unlock()
	if other := a.rooms.Books.Holding(m.Info.Hash); other != nil && other != o {
		m.Files.Close()
		goBack()
		return nil, fault.New(fault.ExitFailed, "exists", "the new version is held already, as "+other.ID, "remove one of the two with potluck rm", nil)
	}
	return a.reissue(ctx, o, m)
}

// reissue begins a share anew with what was measured.
func (a *Adder) reissue(ctx context.Context, o *object.Object, m *create.Measured) (*object.Object, error) {
	o.Halt()
	if err := o.Settle(); err != nil {
		a.rooms.Log.Warn("not everything could be recorded", "id", o.ID, "err", err)
	}
	sequence := a.sequence(o.Record(), m.Info.Hash)
	change := func(r *catalog.Record) {
		r.Root = m.Path
		r.Feed.Sequence = sequence
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Seeding)
		}
		r.Name, r.Dir, r.Size = m.Info.Name.String(), m.Info.Dir, m.Info.Object().Size()
		r.InfoHash, r.Info, r.Error, r.DoneAt = m.Info.Hash, m.Info.Raw, "", a.rooms.Now()
	}
	whole := catalog.Contents{PieceLayers: m.Layers}
	whole.Files, whole.Verified = local.Rows(m.Info.Object(), m.IDs)
	if err := a.rooms.Catalog.Reissue(context.WithoutCancel(ctx), o.ID, change, whole); err != nil {
		m.Files.Close()
		again, other := o.Replace(ctx, func(*catalog.Record) {})
		if other == nil {
			again.Fail(swarm.Failed, err)
		}
		return nil, err
	}
	again, err := o.Replace(ctx, change)
	if err != nil {
		m.Files.Close()
		return nil, err
	}
	again.Serve(a.measured(again, m))
	again.Discover()
	again.Show()
	return again, nil
}

// sequence is the number of a share's new version in its feed, if it has one.
func (a *Adder) sequence(r catalog.Record, hash metainfo.InfoHash) int64 {
	if r.Feed.Role != catalog.Published || r.InfoHash == hash {
		return r.Feed.Sequence
	}
	return feed.Sequence(r.Feed.Sequence, a.rooms.Now())
}
