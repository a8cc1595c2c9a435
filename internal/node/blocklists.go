package node

import (
	"github.com/potluck-p2p/potluck/internal/netx/filter"
	"github.com/potluck-p2p/potluck/internal/node/blocking"
)

// openBlockLists takes the addresses that the user wants nothing to do with out of the network, before anything uses it.
func (n *Node) openBlockLists() error {
	if len(n.cfg.BlockLists) == 0 || n.cfg.Silent {
		return nil
	}
	lists, err := blocking.Open(n.cfg.FS, n.cfg.BlockLists)
	if err != nil {
		return err
	}
	n.lists, n.filter = lists, filter.New(n.cfg.Network, lists.Blocks)
	n.cfg.Network = n.filter
	return nil
}

// keepBlockLists reads lists again when they change, and sends away whom they name then.
func (n *Node) keepBlockLists() {
	for n.rest(blocking.Every) {
		n.contained(n.lookAtBlockLists)
	}
}

func (n *Node) lookAtBlockLists() {
	changed, err := n.lists.Look()
	if err != nil {
		n.cfg.Log.Warn("a block list cannot be read, and the former one stays in force", "err", err)
	}
	if !changed {
		return
	}
	n.cfg.Log.Info("block lists have been read again", "ranges", n.lists.Len())
	for _, o := range n.books.All() {
		o.Guarded(func() { o.Swarm.Expel(filter.ErrBlocked, n.filter.Blocks) })
	}
}

// Blocking is what the user's block lists have done.
type Blocking struct {
	Ranges  int
	Files   []blocking.File
	Refused filter.Refused
}

// Blocking describes the block lists; false without any.
func (n *Node) Blocking() (Blocking, bool) {
	if n.lists == nil {
		return Blocking{}, false
	}
	return Blocking{n.lists.Len(), n.lists.Files(), n.filter.Refused()}, true
}
