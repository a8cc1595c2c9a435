package object

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/node/turn"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Waits reports whether an object is stopped until it is its turn.
func (o *Object) Waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting && o.record.State != catalog.Paused
}

// Contends reports whether an object may take a turn that others want: at rest it does so only where those who are seeded are bounded.
func (o *Object) Contends() bool { return o.rooms.Bounds.Bound(turn.Seed) || !o.IsAtRest() }

func (o *Object) setWaiting(yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = yes
}

// contends tells in which queue an object stands, and whether it has stalled there.
func (o *Object) contends() (q turn.Queue, stalled bool) {
	state, _ := o.Swarm.State()
	o.mu.Lock()
	defer o.mu.Unlock()
	return turn.Of(state, &o.record), o.progress.Stalled()
}

// hasTurn reports whether it is an object's turn now. One that is being taken up from an earlier run waits for the next deal, which is
// one for all that are.
func (o *Object) hasTurn() bool {
	bounds := o.rooms.Bounds
	if q, _ := o.contends(); !bounds.Bound(q) {
		return true
	}
	if o.isOpening() {
		return false
	}
	d := turn.NewDeal(bounds)
	for _, x := range o.rooms.Books.All() {
		if x != o && !x.Contends() {
			continue
		}
		if yes := d.Next(x.contends()); x == o {
			return yes
		}
	}
	return true
}

// isOpening reports whether an object is being taken up from an earlier run.
func (o *Object) isOpening() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-o.opened:
		return false
	default:
		return o.opened != nil
	}
}

// TakeTurn takes part in a deal, in the order of the books: it sets the object in motion if it is its turn, and stops it if it
// is not. Whoever is being managed is looked at again at the next deal.
func (o *Object) TakeTurn(now time.Time, d *turn.Deal) {
	o.watch(now)
	q, stalled := o.contends()
	yes := d.Next(q, stalled)
	if q == turn.None {
		return
	}
	state, _ := o.Swarm.State()
	if yes && !o.Waits() || !yes && !Moving(state) || !o.managing.TryLock() {
		return
	}
	defer o.managing.Unlock()
	o.mu.Lock()
	over, paused := o.over, o.record.State == catalog.Paused
	o.mu.Unlock()
	state, _ = o.Swarm.State()
	switch {
	case over || paused:
	case yes && state == swarm.Paused:
		o.Start()
	case yes:
		o.setWaiting(false) // it has begun otherwise
	case Moving(state):
		o.setWaiting(true)
		o.Swarm.Stop(swarm.Paused, nil)
		o.trackers.Silence()
		o.Show()
	}
}

// watch notices when a fetch stalls, and when it does no more.
func (o *Object) watch(now time.Time) {
	if q, _ := o.contends(); q != turn.Fetch || o.rooms.Bounds.Fetches <= 0 {
		return
	}
	s := o.Swarm.Snapshot(now)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.progress.Watch(now, s, Moving(s.State))
}

// insistSetting is where the catalog keeps that the user wants an object to be seeded for ever.
func insistSetting(id string) string { return "seed-on:" + id }

// gaveEnough reports whether an object has been given as often or as long as the user wants.
func (o *Object) gaveEnough(now time.Time) bool {
	if o.rooms.Enough.IsEndless() {
		return false
	}
	r := o.Record()
	return o.rooms.Enough.Reached(now, &r, o.countsOf(o.Swarm.Snapshot(now)).up)
}

func (o *Object) hasInsisted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.insists
}

func (o *Object) setInsists(yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.insists = yes
}

// EndSeeding pauses an object that has been given enough, unless the user has resumed it after that. One that follows a feed goes
// on: its followers keep a feed alive.
func (o *Object) EndSeeding(now time.Time) {
	if o.hasInsisted() || !o.gaveEnough(now) || o.Record().Feed.Role == catalog.Followed {
		return
	}
	if state, _ := o.Swarm.State(); state != swarm.Seeding && !o.Waits() || !o.managing.TryLock() {
		return
	}
	defer o.managing.Unlock()
	if o.isOver() {
		return
	}
	if _, insists, err := o.rooms.Catalog.Setting(o.rooms.Life, insistSetting(o.ID)); err != nil || insists {
		o.setInsists(insists)
		return
	}
	o.rooms.Log.Info("given enough, so it is paused", "id", o.ID)
	if err := o.Pause(o.rooms.Life); err != nil {
		o.rooms.Log.Warn("cannot pause an object", "id", o.ID, "err", err)
	}
}

// insist remembers that the user resumed an object which had been given enough.
func (o *Object) insist(ctx context.Context) error {
	if o.hasInsisted() || !o.gaveEnough(o.rooms.Now()) {
		return nil
	}
	if err := o.rooms.Catalog.SetSetting(ctx, insistSetting(o.ID), "1"); err != nil {
		return err
	}
	o.setInsists(true)
	return nil
}

// ForgetInsisting cleans up behind an object that is removed.
func (o *Object) ForgetInsisting() {
	if err := o.rooms.Catalog.DeleteSetting(context.Background(), insistSetting(o.ID)); err != nil {
		o.rooms.Log.Warn("cannot forget that an object was to be seeded for ever", "id", o.ID, "err", err)
	}
}
