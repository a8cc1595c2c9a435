package node

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// insistSetting is where the catalog keeps that the user wants an object to be seeded for ever.
func insistSetting(id string) string { return "seed-on:" + id }

// gaveEnough reports whether an object has been given as often or as long as the user wants. A share never has.
func (n *Node) gaveEnough(now time.Time, o *object) bool {
	if n.cfg.Ratio <= 0 && n.cfg.SeedTime <= 0 {
		return false
	}
	r := o.theRecord()
	if r.Kind != catalog.Fetched || r.DoneAt.IsZero() {
		return false
	}
	if n.cfg.SeedTime > 0 && now.Sub(r.DoneAt) >= n.cfg.SeedTime {
		return true
	}
	given := r.UploadedBytes + o.swarm.Snapshot(now).UpBytes
	return n.cfg.Ratio > 0 && r.Size > 0 && float64(given) >= n.cfg.Ratio*float64(r.Size)
}

// endSeeding pauses an object that has been given enough, unless the user has resumed it after that.
func (n *Node) endSeeding(now time.Time, o *object) {
	o.mu.Lock()
	insists := o.insists
	o.mu.Unlock()
	if insists || !n.gaveEnough(now, o) {
		return
	}
	if state, _ := o.swarm.State(); state != swarm.Seeding && !o.waits() || !o.managing.TryLock() {
		return
	}
	defer o.managing.Unlock()
	o.mu.Lock()
	over := o.over
	o.mu.Unlock()
	if over {
		return
	}
	if _, insists, err := n.catalog.Setting(n.life, insistSetting(o.id)); err != nil || insists {
		o.mu.Lock()
		o.insists = insists
		o.mu.Unlock()
		return
	}
	n.cfg.Log.Info("given enough, so it is paused", "id", o.id)
	if err := n.pause(n.life, o); err != nil {
		n.cfg.Log.Warn("cannot pause an object", "id", o.id, "err", err)
	}
}

// insist remembers that the user resumed an object which had been given enough.
func (n *Node) insist(ctx context.Context, o *object) error {
	o.mu.Lock()
	insists := o.insists
	o.mu.Unlock()
	if insists || !n.gaveEnough(n.cfg.Now(), o) {
		return nil
	}
	if err := n.catalog.SetSetting(ctx, insistSetting(o.id), "1"); err != nil {
		return err
	}
	o.mu.Lock()
	o.insists = true
	o.mu.Unlock()
	return nil
}

// forgetInsisting cleans up behind an object that is removed.
func (n *Node) forgetInsisting(id string) {
	if err := n.catalog.DeleteSetting(context.Background(), insistSetting(id)); err != nil {
		n.cfg.Log.Warn("cannot forget that an object was to be seeded for ever", "id", id, "err", err)
	}
}
