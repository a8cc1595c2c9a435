package node

import (
	"context"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Pause stops an object until Resume, also across restarts. One that has stopped by itself stays as it is.
func (n *Node) Pause(ref string) error {
	return n.managing(context.Background(), ref, func(ctx context.Context, o *object.Object) error {
		if state, _ := o.Swarm.State(); !object.Moving(state) && state != swarm.Checking && !o.Waits() {
			return nil
		}
		return o.Pause(ctx)
	})
}

// Resume takes an object up again that was paused, has failed, or whose files are back in their place. Of a feed of ours it is what
// lies there now.
func (n *Node) Resume(ref string) error {
	return n.managing(context.Background(), ref, func(ctx context.Context, o *object.Object) error {
		o, err := n.feeds.Refresh(o, func(o *object.Object) (*object.Object, error) { return n.accept(ctx, o, nil) })
		if err != nil {
			return err
		}
		_, err = o.Resume(ctx)
		return err
	})
}

// Limit limits the payload of one object, in bytes per second, besides the node's own limits and across restarts; 0 takes
// a limit away, and a negative one leaves it as it is.
func (n *Node) Limit(ref string, up, down int64) error {
	return n.managing(context.Background(), ref, func(ctx context.Context, o *object.Object) error {
		return o.Limit(ctx, up, down)
	})
}

// SetPriorities says how much files are wanted, by their places in the list of [Node.Files]: "low", "normal" or "high". It
// holds across restarts. Which files are wanted at all is decided by GetRequest.Select, once.
func (n *Node) SetPriorities(ref string, priorities map[int]string) error {
	return n.managing(context.Background(), ref, func(ctx context.Context, o *object.Object) error {
		b := o.Body()
		switch {
		case b == nil:
			return fault.New(fault.ExitFailed, "resolving", "it is not known yet what the files are", "wait until peers have sent the metadata", nil)
		case b.Intake == nil:
			return fault.New(fault.ExitUsage, "shared", "the files of a share are all there, so none is fetched before others", "", nil)
		}
		if err := b.Prefer(ctx, priorities); err != nil {
			return err
		}
		o.Swarm.Prefer(n.cfg.Now(), b.Priority())
		return nil
	})
}

// Remove forgets an object. Files that were fetched are deleted on request; shared ones are the user's and never are.
func (n *Node) Remove(ctx context.Context, ref string, deleteFiles bool) error {
	return n.managing(ctx, ref, func(ctx context.Context, o *object.Object) error {
		r := o.Record()
		if deleteFiles && r.Kind == catalog.Shared {
			return fault.New(fault.ExitUsage, "shared", "the files of "+r.Name+" are yours, not fetched: potluck never deletes them",
				"leave out --delete-files, or delete them yourself", nil)
		}
		o.Halt()
		last := o.Describe()
		n.books.Strike(o)
		left := n.leaveFiles(o, r, deleteFiles)
		if err := n.catalog.Delete(context.WithoutCancel(ctx), o.ID); err != nil {
			return err
		}
		moving.Forget(n.catalog, n.cfg.Log, o.ID)
		o.ForgetInsisting()
		n.feed.Publish(Event{Kind: news.EventRemoved, Object: last})
		if left != nil {
			e := *fault.Explain(left)
			e.Message, e.Hint = fmt.Sprintf("%s is forgotten, but not all its files could be deleted: %s", r.Name, e.Message), "delete what is left yourself"
			return &e
		}
		return nil
	})
}

// leaveFiles ends what the node has to do with an object's files.
func (n *Node) leaveFiles(o *object.Object, r catalog.Record, deleteFiles bool) error {
	b := o.Body()
	if b != nil && deleteFiles {
		return b.Delete()
	}
	if b != nil {
		b.Files.Close()
	}
	if r.Side == "" {
		return nil
	}
	if err := n.rooms.Disk.DropSide(r.Side); err != nil {
		n.cfg.Log.Warn("cannot remove the side file of an object", "id", o.ID, "err", err)
	}
	return nil
}
