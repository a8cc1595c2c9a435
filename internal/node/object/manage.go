package object

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Manage keeps others from managing an object until done is called. The object returned is the one that has taken its
// place meanwhile, if one has; it is an error if it has been removed.
func (o *Object) Manage() (_ *Object, done func(), err error) {
	books := o.rooms.Books
	for {
		o.managing.Lock()
		if books.holds(o) {
			return o, o.managing.Unlock, nil
		}
		o.managing.Unlock()
		if o = books.ByID(o.ID); o == nil {
			return nil, nil, fault.Explain(catalog.ErrNotFound)
		}
	}
}

// UnderWay is the state of an object that is taken up again, before its files have been looked at.
func UnderWay(r catalog.Record) catalog.State {
	switch {
	case r.Kind == catalog.Shared:
		return catalog.State(swarm.Seeding)
	case r.Info == nil:
		return catalog.State(swarm.Resolving)
	}
	return catalog.State(swarm.Fetching)
}

// Resume takes up a paused object where it is. One that has stopped by itself begins anew, as another object: whatever
// stopped it, what it finds on the disk decides. The caller manages it.
func (o *Object) Resume(ctx context.Context) (*Object, error) {
	state, _ := o.Swarm.State()
	switch {
	case Moving(state) || state == swarm.Checking || state == swarm.Paused && o.Waits():
		return o, nil
	case state == swarm.Paused && (o.Body() != nil || o.Record().Info == nil):
		if b := o.Body(); b != nil && b.Intake == nil {
			if err := b.Files.Check(); err != nil {
				o.Unreadable(err)
				return o, err
			}
		}
		if err := o.insist(ctx); err != nil {
			return o, err
		}
		if err := o.update(ctx, func(r *catalog.Record) { r.State = UnderWay(*r) }); err != nil {
			return o, err
		}
		o.Start()
		return o, nil
	}
	return o.Begin(ctx, func(*catalog.Record) {})
}

// Begin has an object that the caller manages go on as another one, from what its changed record says.
func (o *Object) Begin(ctx context.Context, change func(*catalog.Record)) (*Object, error) {
	again, err := o.Restart(ctx, func(r *catalog.Record) {
		change(r)
		r.State, r.Error = UnderWay(*r), ""
	})
	if err != nil {
		return nil, err
	}
	again.Open()
	return again, nil
}

// Restart puts a new object in the place of another, which is halted; its record is changed on the way. The caller
// manages the old one, and opens the new.
func (o *Object) Restart(ctx context.Context, change func(*catalog.Record)) (*Object, error) {
	o.Halt()
	if err := o.Settle(); err != nil {
		// What could not be made durable is hashed again.
		o.rooms.Log.Warn("not everything could be made durable", "id", o.ID, "err", err)
	}
	return o.Replace(ctx, change)
}

// Replace is the rest of Restart, for an object that is halted and settled.
func (o *Object) Replace(ctx context.Context, change func(*catalog.Record)) (*Object, error) {
	failed := o.update(context.WithoutCancel(ctx), change)
	o.mu.Lock()
	r, patience, named := o.record, o.patience, o.named
	o.mu.Unlock()
	if failed != nil {
		change(&r)
	}
	again := New(o.rooms, r, patience)
	again.Swarm.Stop(swarm.Checking, nil)
	again.Hear(named)
	o.rooms.Books.Enter(again, o)
	if failed != nil {
		again.Fail(swarm.Failed, failed)
		return nil, failed
	}
	return again, nil
}
