package node

import (
	"context"
	"errors"
	"slices"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// restore takes up every object of the catalog where it was.
func (n *Node) restore(ctx context.Context) error {
	records, err := n.catalog.List(ctx)
	if err != nil {
		if records == nil {
			return err
		}
		n.cfg.Log.Warn("some objects of the catalog cannot be used", "err", err)
	}
	for _, r := range records {
		o := n.newObject(r, 0)
		o.swarm.Stop(swarm.Checking, nil)
		n.book(o, nil)
		n.open(o)
	}
	return nil
}

// open takes up an object from its record and the disk. The channel is closed when that is done.
func (n *Node) open(o *object) (done <-chan struct{}) {
	opened := make(chan struct{})
	o.mu.Lock()
	o.opened = opened
	o.mu.Unlock()
	if !n.run(o, func() {
		defer close(opened)
		n.restoreOne(o)
	}) {
		close(opened)
	}
	return opened
}

func (n *Node) restoreOne(o *object) {
	r := o.theRecord()
	n.linked(o)
	if r.Info == nil {
		n.setInMotion(o, func() { o.swarm.Resume(n.cfg.Now()) })
		n.discover(o)
		return
	}
	info, err := metainfo.ParseInfo(r.Info)
	if err != nil {
		n.fail(o, swarm.Failed, err)
		return
	}
	layers, err := n.catalog.PieceLayers(o.life, o.id)
	if err != nil {
		n.cfg.Log.Warn("the piece layers of an object are lost", "id", o.id, "err", err)
	}
	if r.Kind == catalog.Fetched {
		if err := n.settleOldMove(o, info); err != nil {
			n.fail(o, stateOf(err), err)
			return
		}
		how := resume
		if r.Name == "" {
			how = fresh
		}
		n.openFetched(o, info, layers, how)
		return
	}
	n.restoreShared(o, info, layers)
}

// restoreShared serves a share again if the disk is as it was; nothing is hashed.
func (n *Node) restoreShared(o *object, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2) {
	r := o.theRecord()
	rows, err := n.catalog.Files(o.life, o.id)
	if err != nil {
		n.fail(o, swarm.Failed, err)
		return
	}
	ids := make([]store.Identity, len(rows))
	for i, row := range rows {
		ids[i] = storeIdentity(row)
		if !info.Dir {
			ids[i].Name = ""
		}
	}
	b := &body{info: info, object: info.Object(), layout: torrent.New(info), files: n.store.OpenShared(r.Root, info.Object(), ids)}
	b.hashes = torrent.NewHashes(info, b.layout, layers)
	n.serve(o, b)
	if state, _ := o.swarm.State(); state == swarm.Paused && !o.waits() {
		return
	}
	if err := b.files.Check(); err != nil {
		n.unreadable(o, err)
		return
	}
	n.discover(o)
}

// reopen opens the place recorded in an earlier run. Ranges of files that are not as they were recorded are left out; lost
// says that a finished one is not.
func (n *Node) reopen(ctx context.Context, o *object, b *body) (recorded []content.Ranges, lost, err error) {
	r := o.theRecord()
	rows, err := n.catalog.Files(ctx, o.id)
	if err != nil {
		return nil, nil, err
	}
	as := content.MakePath(r.Name)
	if b.object, err = renamed(b.info.Object(), as); err != nil {
		return nil, nil, err
	}
	o.mu.Lock()
	o.priorities = prioritiesOf(rows)
	o.mu.Unlock()
	ids := make([]store.Identity, len(b.info.Files))
	for i := range ids {
		if i < len(rows) && rows[i].Finished {
			ids[i] = storeIdentity(rows[i])
			ids[i].Name = ""
		}
	}
	b.files, err = n.store.OpenFetched(r.Root, b.object, store.FetchOptions{
		As: as, Selected: b.wanted, Side: r.Side, Identities: ids, Resume: true,
	})
	if err != nil {
		return nil, nil, err
	}
	recorded, err = n.catalog.Verified(ctx, o.id)
	var broken *catalog.RecordError
	if err != nil && !errors.As(err, &broken) {
		return nil, nil, err
	}
	stale := broken != nil
	recorded = append(recorded, make([]content.Ranges, len(b.info.Files))...)[:len(b.info.Files)]
	rows = append(rows, make([]catalog.FileRow, len(b.info.Files))...)[:len(b.info.Files)]
	b.settled = make([]bool, len(recorded))
	kept := slices.Clone(recorded) // finished files may come back
	for i := range recorded {
		if b.files.State(i) == store.Whole {
			if err := b.files.CheckFile(i); err != nil {
				recorded[i] = content.Ranges{}
				if lost == nil {
					lost = err
				}
			}
		} else if n.untouched(o, b, i, rows[i]) {
			b.settled[i] = true
		} else if !recorded[i].IsEmpty() {
			// Hashed again: somebody may have written to it since.
			recorded[i], kept[i], stale = content.Ranges{}, content.Ranges{}, true
		}
	}
	if !stale {
		return recorded, lost, nil
	}
	return recorded, lost, n.catalog.ReplaceVerified(ctx, o.id, kept)
}
