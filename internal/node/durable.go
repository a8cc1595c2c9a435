package node

import (
	"context"
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

// keep makes a fetched object durable until it is complete. durable is what the catalog has recorded.
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
		done, err := n.persist(o.life, o, b, durable)
		if err != nil {
			if o.life.Err() == nil {
				n.fail(o, swarm.Failed, err)
			}
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
func (n *Node) persist(ctx context.Context, o *object, b *body, durable []content.Ranges) (done bool, err error) {
	o.mu.Lock()
	o.unsynced = 0
	o.mu.Unlock()
	synced, err := b.files.Sync()
	if err != nil {
		return false, err
	}
	if len(synced) > 0 {
		added := make(map[int]content.Ranges)
		for _, d := range synced {
			r := added[d.File]
			r.Add(d.From, d.To)
			added[d.File] = r
			durable[d.File].Add(d.From, d.To)
		}
		if err := n.catalog.AddVerified(ctx, o.id, added); err != nil {
			return false, err
		}
	}
	return n.finish(ctx, o, b, durable)
}

// finish renames what is whole and durable.
func (n *Node) finish(ctx context.Context, o *object, b *body, durable []content.Ranges) (done bool, err error) {
	var whole []int
	left := 0
	for i, f := range b.object.Files() {
		switch {
		case !b.wants(i) || b.files.State(i) == store.Whole:
		case durable[i].Contains(0, f.Size):
			whole = append(whole, i)
		default:
			left++
		}
	}
	if len(whole) == 0 {
		return left == 0, nil
	}
	if err := b.files.Finish(whole...); err != nil {
		return false, err
	}
	ids, names := make(map[int]catalog.Identity), make(map[int]bool)
	for _, i := range whole {
		ids[i], names[i] = catalogIdentity(b.files.Identity(i)), true
	}
	if err := n.catalog.SetIdentity(ctx, o.id, ids); err != nil {
		return false, err
	}
	return left == 0, n.catalog.SetFinished(ctx, o.id, names)
}

// finished tells that an object is complete, durable and in its place.
func (n *Node) finished(o *object) {
	err := n.update(o.life, o, func(r *catalog.Record) {
		r.State, r.Error = catalog.State(swarm.Seeding), ""
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

// settle makes durable what is left when the node ends, and notes the byte counts.
func (n *Node) settle(o *object) error {
	ctx := context.Background()
	b := o.theBody()
	if b == nil {
		return nil
	}
	defer b.files.Close()
	if b.intake != nil {
		b.intake.Close()
	}
	s := o.swarm.Snapshot(n.cfg.Now())
	r := o.theRecord()
	if b.intake != nil && r.DoneAt.IsZero() {
		synced, err := b.files.Sync()
		if err != nil {
			return err
		}
		added := make(map[int]content.Ranges)
		for _, d := range synced {
			x := added[d.File]
			x.Add(d.From, d.To)
			added[d.File] = x
		}
		if len(added) > 0 {
			if err := n.catalog.AddVerified(ctx, o.id, added); err != nil {
				return err
			}
		}
	}
	if s.UpBytes == 0 && s.DownBytes == 0 {
		return nil
	}
	return n.catalog.Update(ctx, o.id, func(r *catalog.Record) {
		r.UploadedBytes += s.UpBytes
		r.DownloadedBytes += s.DownBytes
	})
}
