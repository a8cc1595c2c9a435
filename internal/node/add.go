package node

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/adding"
	"github.com/potluck-p2p/potluck/internal/node/object"
)

// GetRequest says what to fetch, and how.
type GetRequest = adding.Request

// Share adopts a file or folder where it lies, reads it once for all digests, and serves it. The same path with the same
// content again is the same object, and is not read again.
func (n *Node) Share(ctx context.Context, req create.Request, progress create.Progress, note create.Note) (Object, error) {
	return n.add(ctx, func(ctx context.Context) (*object.Object, error) { return n.adder.Share(ctx, req, progress, note) })
}

// Get accepts a link to fetch and returns at once. Getting what is held already returns that object.
func (n *Node) Get(ctx context.Context, req GetRequest) (Object, error) {
	return n.add(ctx, func(ctx context.Context) (*object.Object, error) { return n.get(ctx, req) })
}

// add lets a call from outside in that adds an object, and describes that. What the call meets is explained to the user.
func (n *Node) add(ctx context.Context, call func(context.Context) (*object.Object, error)) (Object, error) {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return Object{}, err
	}
	defer leave()
	o, err := call(ctx)
	if err != nil {
		return Object{}, fault.Explain(err)
	}
	return o.Describe(), nil
}

// Accept takes what lies at the place of a share now as its new version: it is read again, and keeps its id. What has
// changed has new info-hashes, and so another link. A paused share stays paused.
func (n *Node) Accept(ctx context.Context, ref string, progress func(done, total int64)) (Object, error) {
	var d Object
	err := n.managing(ctx, ref, func(ctx context.Context, o *object.Object) error {
		if o.Record().Kind != catalog.Shared {
			return fault.New(fault.ExitUsage, "fetched", "there is no new version of what was fetched: others hold it to be what it was",
				"leave out --accept, and what is wrong is fetched again", nil)
		}
		if err := o.Await(ctx); err != nil {
			return err
		}
		again, err := n.adder.Accept(ctx, o, progress)
		if err != nil {
			return err
		}
		d = again.Describe()
		return nil
	})
	return d, err
}
