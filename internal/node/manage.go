package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Subscribe returns all news from now on, until the context or the node ends.
func (n *Node) Subscribe(ctx context.Context) <-chan Event {
	return n.events.subscribe(ctx, n.life, &n.running)
}

// manage keeps others from managing an object until done is called. The object returned is the one that has taken its
// place meanwhile, if one has.
func (n *Node) manage(o *object) (_ *object, done func(), err error) {
	for {
		o.managing.Lock()
		if n.holds(o) {
			return o, o.managing.Unlock, nil
		}
		o.managing.Unlock()
		if o, err = n.lookup(o.id); err != nil {
			return nil, nil, err
		}
	}
}

// findToManage is lookup and manage.
func (n *Node) findToManage(ref string) (*object, func(), error) {
	o, err := n.lookup(ref)
	if err != nil {
		return nil, nil, err
	}
	return n.manage(o)
}

// Pause stops an object until Resume, also across restarts. One that has stopped by itself stays as it is.
func (n *Node) Pause(ref string) error {
	ctx, leave, err := n.enter(context.Background())
	if err != nil {
		return err
	}
	defer leave()
	o, done, err := n.findToManage(ref)
	if err != nil {
		return err
	}
	defer done()
	if state, _ := o.swarm.State(); !moving(state) && state != swarm.Checking && !o.waits() {
		return nil
	}
	if err := n.pause(ctx, o); err != nil {
		return explain(err)
	}
	return nil
}

// pause stops an object that the caller manages.
func (n *Node) pause(ctx context.Context, o *object) error {
	waited := o.waits()
	// First the record: whoever is about to set it in motion looks there.
	err := n.update(ctx, o, func(r *catalog.Record) { r.State, r.Error = catalog.State(swarm.Paused), "" })
	if err != nil {
		return err
	}
	o.swarm.Stop(swarm.Paused, nil)
	o.silence()
	n.show(o)
	if waited {
		n.publish(EventState, o, "") // the state is the same, but for another reason
	}
	return nil
}

// Resume takes an object up again that was paused, has failed, or whose files are back in their place.
func (n *Node) Resume(ref string) error {
	ctx, leave, err := n.enter(context.Background())
	if err != nil {
		return err
	}
	defer leave()
	o, done, err := n.findToManage(ref)
	if err != nil {
		return err
	}
	defer done()
	if _, err := n.resume(ctx, o); err != nil {
		return explain(err)
	}
	return nil
}

// resume takes up a paused object where it is. One that has stopped by itself begins anew, as another object: whatever
// stopped it, what it finds on the disk decides.
func (n *Node) resume(ctx context.Context, o *object) (*object, error) {
	state, _ := o.swarm.State()
	switch {
	case moving(state) || state == swarm.Checking || state == swarm.Paused && o.waits():
		return o, nil
	case state == swarm.Paused && (o.theBody() != nil || o.theRecord().Info == nil):
		if b := o.theBody(); b != nil && b.intake == nil {
			if err := b.files.Check(); err != nil {
				n.unreadable(o, err)
				return o, err
			}
		}
		if err := n.insist(ctx, o); err != nil {
			return o, err
		}
		n.start(o)
		return o, nil
	}
	again, err := n.restart(ctx, o, func(r *catalog.Record) { r.State, r.Error = underWay(*r), "" })
	if err != nil {
		return nil, err
	}
	n.open(again)
	return again, nil
}

// start sets an object in motion that was stopped, and whose body is as it was.
func (n *Node) start(o *object) {
	o.mu.Lock()
	o.seen = n.cfg.Now()
	o.turn = turn{}
	o.mu.Unlock()
	o.swarm.Resume(n.cfg.Now())
	n.discover(o)
	n.show(o)
	n.poke()
}

// underWay is the state of an object that is taken up again, before its files have been looked at.
func underWay(r catalog.Record) catalog.State {
	switch {
	case r.Kind == catalog.Shared:
		return catalog.State(swarm.Seeding)
	case r.Info == nil:
		return catalog.State(swarm.Resolving)
	}
	return catalog.State(swarm.Fetching)
}

// restart puts a new object in the place of another, which is halted; its record is changed on the way. The caller
// manages the old one, and opens the new.
func (n *Node) restart(ctx context.Context, o *object, change func(*catalog.Record)) (*object, error) {
	n.halt(o)
	if err := n.settle(o); err != nil {
		// What could not be made durable is hashed again.
		n.cfg.Log.Warn("not everything could be made durable", "id", o.id, "err", err)
	}
	return n.replace(ctx, o, change)
}

// replace is the rest of restart, for an object that is halted and settled.
func (n *Node) replace(ctx context.Context, o *object, change func(*catalog.Record)) (*object, error) {
	failed := n.update(context.WithoutCancel(ctx), o, change)
	o.mu.Lock()
	r, patience, named := o.record, o.patience, o.named
	o.mu.Unlock()
	if failed != nil {
		change(&r)
	}
	again := n.newObject(r, patience)
	again.swarm.Stop(swarm.Checking, nil)
	n.hear(again, named)
	n.book(again, o)
	if failed != nil {
		n.fail(again, swarm.Failed, failed)
		return nil, failed
	}
	return again, nil
}

// Remove forgets an object. Files that were fetched are deleted on request; shared ones are the user's and never are.
func (n *Node) Remove(ctx context.Context, ref string, deleteFiles bool) error {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	o, done, err := n.findToManage(ref)
	if err != nil {
		return err
	}
	defer done()
	r := o.theRecord()
	if deleteFiles && r.Kind == catalog.Shared {
		return &Error{"shared", "the files of " + r.Name + " are yours, not fetched: potluck never deletes them",
			"leave out --delete-files, or delete them yourself", ExitUsage, nil}
	}
	n.halt(o)
	last := n.describe(o)
	n.unregister(o)
	left := n.leaveFiles(o, r, deleteFiles)
	if err := n.catalog.Delete(context.WithoutCancel(ctx), o.id); err != nil {
		return explain(err)
	}
	n.forgetMove(o.id)
	n.forgetInsisting(o.id)
	n.events.publish(Event{Kind: EventRemoved, Object: last})
	if left != nil {
		e := *explain(left)
		e.Message, e.Hint = fmt.Sprintf("%s is forgotten, but not all its files could be deleted: %s", r.Name, e.Message), "delete what is left yourself"
		return &e
	}
	return nil
}

// leaveFiles ends what the node has to do with an object's files.
func (n *Node) leaveFiles(o *object, r catalog.Record, deleteFiles bool) error {
	b := o.theBody()
	if b != nil && deleteFiles {
		defer b.files.Close()
		if err := b.files.Delete(); !errors.Is(err, store.ErrMissing) {
			return err
		}
		return nil
	}
	if b != nil {
		b.files.Close()
	}
	if r.Side == "" {
		return nil
	}
	// Bytes of files that were not selected are of no use to anybody now.
	root, err := n.cfg.FS.OpenRoot(filepath.Dir(r.Side))
	if err == nil {
		err = errors.Join(root.Remove(filepath.Base(r.Side)), root.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.cfg.Log.Warn("cannot remove the side file of an object", "id", o.id, "err", err)
	}
	return nil
}
