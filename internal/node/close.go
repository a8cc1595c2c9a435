package node

import (
	"errors"

	"github.com/potluck-p2p/potluck/internal/fault"
)

// Close ends the node: trackers are told, what is verified is made durable, everything is closed. Closing it again does
// nothing.
func (n *Node) Close() error {
	n.ending.Do(func() {
		n.feed.Close()
		if err := n.close(); err != nil {
			n.ended = fault.Explain(err)
		}
	})
	return n.ended
}

func (n *Node) close() error {
	n.door.close()
	n.end()

	// First those that begin things, then what they began.
	n.door.calls.Wait()
	n.sockets.StopAccepting()
	n.driving.Wait()
	if n.shell != nil {
		n.shell.Wait()
	}
	objects := n.books.All()
	for _, o := range objects {
		o.WaitWork()
	}
	n.sockets.Close()
	n.running.Wait()

	var errs []error
	for _, o := range objects {
		errs = append(errs, o.Settle())
	}
	if n.rooms != nil {
		n.rooms.Pool.Close()
		n.fetcher.Close()
		n.rooms.Web.Close()
	}
	if n.home != nil {
		errs = append(errs, n.home.Close())
	}
	return errors.Join(errs...)
}
