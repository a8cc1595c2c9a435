package node

import (
	"context"
	"errors"
	"slices"
)

var errClosed = &Error{"closed", "potluck is ending", "", ExitFailed, nil}

// enter lets a call from outside in, unless the node is ending. Its context ends with the node. Who got in must leave.
func (n *Node) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closing {
		return nil, nil, errClosed
	}
	n.calls.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(n.life, cancel)
	return ctx, func() {
		stop()
		cancel()
		n.calls.Done()
	}, nil
}

// Close ends the node: trackers are told, what is verified is made durable, everything is closed. Closing it again does
// nothing.
func (n *Node) Close() error {
	n.ending.Do(func() {
		n.events.close()
		if err := n.close(); err != nil {
			n.ended = explain(err)
		}
	})
	return n.ended
}

func (n *Node) close() error {
	n.mu.Lock()
	n.closing = true
	n.mu.Unlock()
	n.end()

	// First those that begin things, then what they began.
	n.calls.Wait()
	for _, l := range n.listeners {
		l.Close()
	}
	n.driving.Wait()
	if n.shell != nil {
		n.shell.Wait()
	}
	n.mu.Lock()
	objects := slices.Clone(n.objects)
	n.mu.Unlock()
	for _, o := range objects {
		o.work.Wait() // trackers may take seconds to hear that we leave
	}
	for _, m := range n.sockets {
		m.Close()
	}
	n.running.Wait()

	var errs []error
	for _, o := range objects {
		errs = append(errs, n.settle(o))
	}
	if n.pool != nil {
		n.pool.Close()
	}
	if n.fetcher != nil {
		n.fetcher.Close()
	}
	if n.web != nil {
		n.web.Close()
	}
	if n.catalog != nil {
		errs = append(errs, n.catalog.Close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	return errors.Join(errs...)
}
