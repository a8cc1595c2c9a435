package node

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/node/upkeep"
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
		o, err := n.feeds.Refresh(o, func(o *object.Object) (*object.Object, error) { return n.adder.Accept(ctx, o, nil) })
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

// SuperSeed gives each peer another part of an object from now on, until somebody else has all of it or the node ends.
func (n *Node) SuperSeed(ref string) error {
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	o.Swarm.SuperSeed()
	return nil
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

// Verify hashes again what is held to be right of an object. Bytes of a fetched object that are not are fetched again; a
// share that is not what it was is no longer served. Either is an error with [fault.ExitVerify].
func (n *Node) Verify(ctx context.Context, ref string, progress func(done, total int64)) error {
	return n.managing(ctx, ref, func(ctx context.Context, o *object.Object) error { return upkeep.Verify(ctx, n.rooms, o, progress) })
}

// Move moves the files of a fetched object to another folder, and goes on with them there, in the state it had. It is served
// while finished files are copied to another file system, and stops for the rest. Nothing is overwritten and nothing hashed
// again; if it fails or the context ends, everything is as it was. Progress is told of bytes copied, and may be nil.
func (n *Node) Move(ctx context.Context, ref, dir string, progress func(done, total int64)) error {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	if err := upkeep.Move(ctx, n.rooms, o, dir, progress); err != nil {
		return moving.Explain(err)
	}
	return nil
}

// Remove forgets an object. Files that were fetched are deleted on request; shared ones are the user's and never are.
func (n *Node) Remove(ctx context.Context, ref string, deleteFiles bool) error {
	return n.managing(ctx, ref, func(ctx context.Context, o *object.Object) error { return upkeep.Remove(ctx, n.rooms, o, deleteFiles) })
}
