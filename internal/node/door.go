package node

import (
	"context"
	"sync"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/object"
)

// door lets calls from outside in until the node ends.
type door struct {
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // from outside, that may begin something
}

var errClosed = fault.New(fault.ExitFailed, "closed", "potluck is ending", "", nil)

func (d *door) pass() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	d.calls.Add(1)
	return nil
}

func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

// enter lets a call from outside in, unless the node is ending. Its context ends with the node. Who got in must leave.
func (n *Node) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	if err := n.door.pass(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(n.life, cancel)
	return ctx, func() {
		stop()
		cancel()
		n.door.calls.Done()
	}, nil
}

// managing lets a call from outside in that manages the object which ref names: nobody else does meanwhile. What the call
// meets is explained to the user.
func (n *Node) managing(ctx context.Context, ref string, call func(ctx context.Context, o *object.Object) error) error {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	o, done, err := o.Manage()
	if err != nil {
		return err
	}
	defer done()
	if err := call(ctx, o); err != nil {
		return fault.Explain(err)
	}
	return nil
}
