package node

import (
	"context"
	"errors"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Promise 4.2: what is written becomes durable in batches, beside the transfer, and is recorded only then.
const (
	syncEvery = 2 * time.Second
	syncBytes = 32 << 20
)

// checked is the intake's report on a piece.
func (n *Node) checked(o *object, b *body, piece int, v torrent.Verdict, err error) {
	if err != nil {
		o.swarm.Unwritten(piece)
		n.fail(o, swarm.Failed, err)
		return
	}
	o.swarm.Checked(n.cfg.Now(), piece, v)
	if !v.OK {
		return
	}
	b.hashes.ForgetLeaves(piece)
	o.mu.Lock()
	o.unsynced += int64(b.layout.Need(piece))
	full := o.unsynced >= syncBytes
	o.mu.Unlock()
	if full {
		o.markDirty()
	}
}

// markDirty makes the keeper work now.
func (o *object) markDirty() {
	select {
	case o.dirty <- struct{}{}:
	default:
	}
}

// keep makes a fetched object durable until it is complete. durable is what the catalog has recorded, and of files that
// were found under their final names what is right.
func (n *Node) keep(o *object, b *body, durable []content.Ranges) {
	timer := time.NewTicker(syncEvery)
	defer timer.Stop()
	for {
		select {
		case <-o.life.Done():
			return
		case <-o.dirty:
		case <-timer.C:
		}
		done, err := n.persist(o, b, durable)
		if err != nil {
			n.fail(o, stateOf(err), err)
			return
		}
		if done {
			n.finished(o)
			return
		}
	}
}

// persist syncs, records, and gives the files that are whole their final names. It reports whether all wanted files have
// theirs.
func (n *Node) persist(o *object, b *body, durable []content.Ranges) (done bool, err error) {
	o.mu.Lock()
	o.unsynced = 0
	o.mu.Unlock()
	added, err := n.sync(o, b)
	if err != nil {
		return false, err
	}
	for file, r := range added {
		durable[file].AddAll(r)
	}
	if err := n.note(o, b, len(added) > 0); err != nil {
		return false, err
	}
	return n.finish(o, b, durable)
}

// note records what unfinished files are like as soon as nothing is written to them any more: if nobody does until the next
// run, they need not be hashed again, however this one ends.
func (n *Node) note(o *object, b *body, written bool) error {
	if written {
		o.noted = false
		return nil
	}
	if o.noted {
		return nil
	}
	o.noted = true
	return n.leaveUnfinished(context.Background(), o, b)
}

// sync makes durable what is written and records what of it is verified. It is not broken off: what a sync has returned
// it does not return again.
func (n *Node) sync(o *object, b *body) (map[int]content.Ranges, error) {
	synced, err := b.files.Sync()
	if err != nil || len(synced) == 0 {
		return nil, err
	}
	added := make(map[int]content.Ranges)
	for _, d := range synced {
		r := added[d.File]
		r.Add(d.From, d.To)
		added[d.File] = r
	}
	// First the hashes by which they were verified: without these nothing that is found after a crash can be told to be right.
	if !b.layersKept.Load() {
		whole := b.hashes.HasLayers()
		if err := n.catalog.SetPieceLayers(context.Background(), o.id, b.hashes.Layers()); err != nil {
			return nil, err
		}
		b.layersKept.Store(whole)
	}
	return added, n.catalog.AddVerified(context.Background(), o.id, added)
}

// whole reports whether all wanted files have their final names.
func (b *body) whole() bool {
	for i := range b.object.Files() {
		if b.wants(i) && b.files.State(i) != store.Whole {
			return false
		}
	}
	return true
}

// finish renames what is whole and durable.
func (n *Node) finish(o *object, b *body, durable []content.Ranges) (done bool, err error) {
	ctx := context.Background()
	var ready []int
	found := make(map[int]content.Ranges)
	left := 0
	for i, f := range b.object.Files() {
		switch {
		case !b.wants(i) || b.files.State(i) == store.Whole:
		case durable[i].Contains(0, f.Size):
			ready = append(ready, i)
			if b.files.State(i) == store.Found {
				found[i] = durable[i]
			}
		default:
			left++
		}
	}
	if len(ready) == 0 {
		return left == 0, nil
	}
	if err := b.files.Finish(ready...); err != nil {
		return false, err
	}
	if len(found) > 0 {
		// It never passed through a sync.
		if err := n.catalog.AddVerified(ctx, o.id, found); err != nil {
			return false, err
		}
	}
	ids, names := make(map[int]catalog.Identity), make(map[int]bool)
	for _, i := range ready {
		ids[i], names[i] = catalogIdentity(b.files.Identity(i)), true
	}
	if err := n.catalog.SetIdentity(ctx, o.id, ids); err != nil {
		return false, err
	}
	return left == 0, n.catalog.SetFinished(ctx, o.id, names)
}

// finished tells that an object is complete, durable and in its place.
func (n *Node) finished(o *object) {
	err := n.update(context.Background(), o, func(r *catalog.Record) {
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Seeding)
		}
		r.Error = ""
		if r.DoneAt.IsZero() {
			r.DoneAt = n.cfg.Now()
		}
	})
	if err != nil {
		n.fail(o, swarm.Failed, err)
		return
	}
	n.publish(EventDone, o, "")
}

// preserve makes durable what is left of an object that has been halted.
func (n *Node) preserve(o *object) error {
	b := o.theBody()
	if b == nil || b.intake == nil {
		return nil
	}
	b.intake.Close()
	_, err := n.sync(o, b)
	return err
}

// settle preserves what is left of an object that has been halted, closes it, and notes the byte counts.
func (n *Node) settle(o *object) error {
	b := o.theBody()
	if b == nil {
		return nil
	}
	err := n.preserve(o)
	b.files.Close()
	if err == nil && b.intake != nil {
		err = n.leaveUnfinished(context.Background(), o, b)
	}
	s := o.swarm.Snapshot(n.cfg.Now())
	if s.UpBytes == 0 && s.DownBytes == 0 {
		return err
	}
	return errors.Join(err, n.update(context.Background(), o, func(r *catalog.Record) {
		r.UploadedBytes += s.UpBytes
		r.DownloadedBytes += s.DownBytes
	}))
}
