package node

import (
	"context"
	"errors"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Subscribe returns all news from now on, until the context or the node ends.
func (n *Node) Subscribe(ctx context.Context) <-chan Event {
	return n.events.subscribe(ctx, n.life, &n.running)
}

// Pause stops an object until Resume, also across restarts.
func (n *Node) Pause(ref string) error {
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	o.swarm.Stop(swarm.Paused, nil)
	n.show(o)
	return nil
}

// Resume takes a paused or failed object up again.
func (n *Node) Resume(ref string) error {
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	if err := n.resume(n.life, o); err != nil {
		return explain(err)
	}
	return nil
}

// resume starts over from the disk: whatever stopped the object, what it finds there decides.
func (n *Node) resume(ctx context.Context, o *object) error {
	state, _ := o.swarm.State()
	if state == swarm.Paused {
		o.swarm.Resume(n.cfg.Now())
		n.show(o)
		return nil
	}
	if state != swarm.Failed {
		return nil
	}
	r := o.theRecord()
	n.dismiss(o)
	if err := n.settle(o); err != nil {
		return err
	}
	r.State, r.Error = catalog.State(swarm.Fetching), ""
	if r.Info == nil {
		r.State = catalog.State(swarm.Resolving)
	}
	patience := o.patience
	again := n.newObject(r)
	again.patience = patience
	again.swarm.Stop(swarm.Checking, nil)
	n.run(again, func() { n.restoreOne(again) })
	return nil
}

// dismiss ends everything that runs for an object and takes it out of the books.
func (n *Node) dismiss(o *object) {
	n.unregister(o)
	o.swarm.Stop(swarm.Paused, nil)
	o.end()
	o.work.Wait()
}

// Remove forgets an object. Files that were fetched are deleted on request; shared ones are the user's and never are.
func (n *Node) Remove(ctx context.Context, ref string, deleteFiles bool) error {
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	r := o.theRecord()
	if deleteFiles && r.Kind == catalog.Shared {
		return &Error{"shared", "the files of " + r.Name + " are yours, not fetched: potluck never deletes them",
			"leave out --delete-files, or delete them yourself", ExitUsage, nil}
	}
	n.dismiss(o)
	last := n.describe(o)
	if b := o.theBody(); b != nil {
		if deleteFiles {
			if err := b.files.Delete(); err != nil && !errors.Is(err, store.ErrMissing) {
				return explain(err)
			}
		}
		b.files.Close()
	}
	if err := n.catalog.Delete(ctx, o.id); err != nil {
		return explain(err)
	}
	n.events.publish(Event{Kind: EventRemoved, Object: last})
	return nil
}

// Verify hashes everything of an object again and reports how many bytes of it are right. Bytes of a fetched object that
// are not are fetched again; a share that is not what it was is no longer served.
func (n *Node) Verify(ctx context.Context, ref string, progress Progress) error {
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	b := o.theBody()
	if b == nil {
		return &Error{"resolving", "there is nothing to verify: the metadata is not known yet", "", ExitFailed, nil}
	}
	was, _ := o.swarm.State()
	o.swarm.Stop(swarm.Checking, nil)
	defer n.show(o)
	n.show(o)
	bad, err := n.rehash(ctx, b, progress)
	if err != nil {
		n.unreadable(o, err)
		return explain(err)
	}
	if len(bad) == 0 {
		if was == swarm.Paused {
			o.swarm.Stop(swarm.Paused, nil)
		} else {
			o.swarm.Resume(n.cfg.Now())
		}
		return nil
	}
	broken := &Error{"verify", "bytes on the disk are not what they were", "share it again to take the new version", ExitVerify, nil}
	if b.intake == nil {
		n.fail(o, swarm.Changed, broken)
		return broken
	}
	broken.Hint = "they are fetched again"
	return broken
}

// rehash lists the pieces that were held to be right and are not.
func (n *Node) rehash(ctx context.Context, b *body, progress Progress) (bad []int, err error) {
	if err := b.files.Check(); err != nil {
		return nil, err
	}
	total, done := b.object.Size(), int64(0)
	all := func(yield func(int) bool) {
		for i := range b.layout.Pieces() {
			if b.wantsPiece(i) && !yield(i) {
				return
			}
		}
	}
	err = n.verifyAll(ctx, b, all, func(piece int, ok bool) {
		done += int64(b.layout.Need(piece))
		if progress != nil {
			progress(min(done, total), total)
		}
		if !ok {
			bad = append(bad, piece)
		}
	})
	return bad, err
}
