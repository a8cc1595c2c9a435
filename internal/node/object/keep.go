package object

import (
	"context"
	"errors"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Promise 4.2: what is written becomes durable in batches, beside the transfer, and is recorded only then.
const (
	syncEvery = 2 * time.Second
	syncBytes = 32 << 20
)

// checked is the intake's report on a piece.
func (o *Object) checked(b *local.Object, piece int, v torrent.Verdict, err error) {
	if err != nil {
		o.Swarm.Unwritten(piece)
		o.Fail(swarm.Failed, err)
		return
	}
	o.Swarm.Checked(o.rooms.Now(), piece, v)
	if !v.OK {
		return
	}
	b.Hashes.ForgetLeaves(piece)
	o.mu.Lock()
	o.unsynced += int64(b.Layout.Need(piece))
	full := o.unsynced >= syncBytes
	o.mu.Unlock()
	if full {
		o.MarkDirty()
	}
}

// MarkDirty makes the keeper work now.
func (o *Object) MarkDirty() {
	select {
	case o.dirty <- struct{}{}:
	default:
	}
}

// keep makes a fetched object durable until it is complete. durable is what the catalog has recorded, and of files that
// were found under their final names what is right.
func (o *Object) keep(b *local.Object, durable []content.Ranges) {
	timer := time.NewTicker(syncEvery)
	defer timer.Stop()
	for {
		select {
		case <-o.Life.Done():
			return
		case <-o.dirty:
		case <-timer.C:
		}
		o.mu.Lock()
		o.unsynced = 0
		o.mu.Unlock()
		done, err := b.Persist(durable)
		if err != nil {
			o.Fail(StateOf(err), err)
			return
		}
		if done {
			o.finished()
			return
		}
	}
}

// finished tells that an object is complete, durable and in its place.
func (o *Object) finished() {
	o.dropFormer()
	err := o.update(context.Background(), func(r *catalog.Record) {
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Seeding)
		}
		r.Error = ""
		if r.DoneAt.IsZero() {
			r.DoneAt = o.rooms.Now()
		}
	})
	if err != nil {
		o.Fail(swarm.Failed, err)
		return
	}
	o.Publish(news.EventDone, "")
}

// KeepLayers records the piece layers that peers have sent.
func (o *Object) KeepLayers() {
	if o.scouting != nil {
		o.scouting.LayersFound()
		return
	}
	if err := o.Body().KeepLayers(o.Life); err != nil {
		o.rooms.Log.Warn("cannot keep piece layers", "id", o.ID, "err", err)
	}
}

// Settle makes durable what is left of an object that has been halted, closes it, and notes the byte counts and the
// peers.
func (o *Object) Settle() error {
	o.savePeers()
	b := o.Body()
	if b == nil {
		return nil
	}
	return errors.Join(b.Settle(), o.saveCounts())
}
