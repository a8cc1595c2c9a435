package node

import (
	"context"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Accept takes what lies at the place of a share now as its new version: it is read again, and keeps its id. What has
// changed has new info-hashes, and so another link. A paused share stays paused.
func (n *Node) Accept(ctx context.Context, ref string, progress func(done, total int64)) (Object, error) {
	var d Object
	err := n.managing(ctx, ref, func(ctx context.Context, o *object.Object) error {
		if o.Record().Kind != catalog.Shared {
			return fault.New(fault.ExitUsage, "fetched", "there is no new version of what was fetched: others hold it to be what it was",
				"leave out --accept, and what is wrong is fetched again", nil)
		}
		if err := o.Await(ctx); err != nil {
			return err
		}
		again, err := n.accept(ctx, o, progress)
		if err != nil {
			return err
		}
		d = again.Describe()
		return nil
	})
	return d, err
}

// accept is Accept for an object that the caller manages.
func (n *Node) accept(ctx context.Context, o *object.Object, progress func(done, total int64)) (*object.Object, error) {
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
	m, err := create.Measure(ctx, n.rooms.Disk.Store, req, progress, nil)
	if err != nil {
		goBack()
		return nil, err
	}
	n.adding.Lock()
	defer n.adding.Unlock()
	if other := n.books.Holding(m.Info.Hash); other != nil && other != o {
		m.Files.Close()
		goBack()
		return nil, fault.New(fault.ExitFailed, "exists", "the new version is held already, as "+other.ID, "remove one of the two with potluck rm", nil)
	}
	return n.reissue(ctx, o, m)
}

// reissue begins a share anew with what was measured.
func (n *Node) reissue(ctx context.Context, o *object.Object, m *create.Measured) (*object.Object, error) {
	o.Halt()
	if err := o.Settle(); err != nil {
		n.cfg.Log.Warn("not everything could be recorded", "id", o.ID, "err", err)
	}
	sequence := n.sequence(o.Record(), m.Info.Hash)
	change := func(r *catalog.Record) {
		r.Root = m.Path
		r.Feed.Sequence = sequence
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Seeding)
		}
		r.Name, r.Dir, r.Size = m.Info.Name.String(), m.Info.Dir, m.Info.Object().Size()
		r.InfoHash, r.Info, r.Error, r.DoneAt = m.Info.Hash, m.Info.Raw, "", n.cfg.Now()
	}
	whole := catalog.Contents{PieceLayers: m.Layers}
	whole.Files, whole.Verified = local.Rows(m.Info.Object(), m.IDs)
	if err := n.catalog.Reissue(context.WithoutCancel(ctx), o.ID, change, whole); err != nil {
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
	again.Serve(n.measured(again, m))
	again.Discover()
	again.Show()
	return again, nil
}
