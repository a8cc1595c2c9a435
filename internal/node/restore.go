package node

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// known is an object of an earlier run of which all was there.
type known struct {
	*object.Object
	open func([]catalog.FileRow)
}

// restore takes up every object of the catalog where it was.
func (n *Node) restore(ctx context.Context) error {
	records, err := n.catalog.List(ctx)
	if err != nil {
		if records == nil {
			return err
		}
		n.cfg.Log.Warn("some objects of the catalog cannot be used", "err", err)
	}
	var done []known
	for _, r := range records {
		o := object.New(n.rooms, r, 0)
		o.Swarm.Stop(swarm.Checking, nil)
		n.books.Enter(o, nil)
		if o.IsDone() {
			done = append(done, known{o, o.Opening()})
		} else {
			o.Open() // which may take long
		}
	}
	// Few at a time: thousands at once would take the memory of thousands of stacks, and be no sooner.
	workers := 2 * runtime.GOMAXPROCS(0)
	batches := slices.Collect(slices.Chunk(done, min(len(done)/workers+1, catalog.MaxTogether)))
	var next atomic.Int64
	for range min(len(batches), workers) {
		n.driving.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(batches); i = int(next.Add(1)) - 1 {
				n.takeUp(batches[i])
			}
		})
	}
	return nil
}

// takeUp opens objects of which all was there. The files of shares are read together.
func (n *Node) takeUp(batch []known) {
	var ids []string
	for _, k := range batch {
		if k.Record().Kind == catalog.Shared {
			ids = append(ids, k.ID)
		}
	}
	files, err := n.catalog.FilesOf(n.life, ids)
	if err != nil {
		n.cfg.Log.Warn("cannot read the files of many objects at once", "err", err) // each says what is wrong with its own
	}
	for _, k := range batch {
		open := func() { k.open(files[k.ID]) }
		if !k.Do(open) {
			open()
		}
	}
}
