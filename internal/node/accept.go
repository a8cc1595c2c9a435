package node

import (
	"context"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Accept takes what lies at the place of a share now as its new version: it is read again, and keeps its id. What has
// changed has new info-hashes, and so another link. A paused share stays paused.
func (n *Node) Accept(ctx context.Context, ref string, progress Progress) (Object, error) {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return Object{}, err
	}
	defer leave()
	o, done, err := n.findToManage(ref)
	if err != nil {
		return Object{}, err
	}
	defer done()
	if o.theRecord().Kind != catalog.Shared {
		return Object{}, &Error{"fetched", "there is no new version of what was fetched: others hold it to be what it was",
			"leave out --accept, and what is wrong is fetched again", ExitUsage, nil}
	}
	if err := o.await(ctx); err != nil {
		return Object{}, explain(err)
	}
	again, err := n.accept(ctx, o, progress)
	if err != nil {
		return Object{}, explain(err)
	}
	return n.describe(again), nil
}

// accept is Accept for an object that the caller manages.
func (n *Node) accept(ctx context.Context, o *object, progress Progress) (*object, error) {
	b := o.theBody()
	if b == nil {
		return nil, &Error{"failed", "it is not known how this was shared", "remove it, and share it again", ExitFailed, nil}
	}
	r := o.theRecord()
	req := CreateRequest{Path: r.Root, Format: b.info.Format().String(), Private: b.info.Private}
	if raw := b.info.RawName(); content.MakePath(raw).String() != content.MakePath(filepath.Base(r.Root)).String() {
		req.Name = raw // the user's choice
	}
	if b.info.PieceLength != torrent.ChoosePieceLength(b.object.Size()) {
		req.PieceLength = b.info.PieceLength // the user's choice
	}
	was, why := o.swarm.State()
	o.swarm.Stop(swarm.Checking, nil)
	n.show(o)
	m, err := measure(ctx, n.store, req, progress, nil)
	if err != nil {
		n.goBack(o, was, why)
		return nil, err
	}
	n.adding.Lock()
	defer n.adding.Unlock()
	if other := n.holding(m.info.Hash); other != nil && other != o {
		m.files.Close()
		n.goBack(o, was, why)
		return nil, &Error{"exists", "the new version is held already, as " + other.id, "remove one of the two with potluck rm", ExitFailed, nil}
	}
	return n.reissue(ctx, o, m)
}

// reissue begins a share anew with what was measured.
func (n *Node) reissue(ctx context.Context, o *object, m *measured) (*object, error) {
	n.halt(o)
	if err := n.settle(o); err != nil {
		n.cfg.Log.Warn("not everything could be recorded", "id", o.id, "err", err)
	}
	change := func(r *catalog.Record) {
		if m.dir && !m.info.Dir {
			r.Root = filepath.Join(r.Root, m.info.RawName())
		}
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Seeding)
		}
		r.Name, r.Dir, r.Size = m.info.Name.String(), m.info.Dir, m.info.Object().Size()
		r.InfoHash, r.Info, r.Error, r.DoneAt = m.info.Hash, m.info.Raw, "", n.cfg.Now()
	}
	whole := catalog.Contents{PieceLayers: m.layers}
	whole.Files, whole.Verified = m.rows()
	root := o.theRecord().Root
	if err := n.catalog.Reissue(context.WithoutCancel(ctx), o.id, change, whole); err != nil {
		m.files.Close()
		again, other := n.replace(ctx, o, func(*catalog.Record) {})
		if other == nil {
			n.fail(again, swarm.Failed, err)
		}
		return nil, err
	}
	again, err := n.replace(ctx, o, func(r *catalog.Record) { r.Root = root; change(r) })
	if err != nil {
		m.files.Close()
		return nil, err
	}
	n.serve(again, m.body())
	n.discover(again)
	n.show(again)
	return again, nil
}
