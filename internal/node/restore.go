package node

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	r := &restoring{batches: slices.Collect(slices.Chunk(done, min(len(done)/workers+1, catalog.MaxTogether)))}
	for range min(len(r.batches), workers) {
		n.driving.Go(func() { n.takeUp(r, nil, nil) })
	}
	return nil
}

// restoring are the objects that nobody has begun to take up.
type restoring struct {
	mu      sync.Mutex
	batches [][]known
}

// next takes a batch; nil: there is none left.
func (r *restoring) next() []known {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.batches) == 0 {
		return nil
	}
	batch := r.batches[0]
	r.batches = r.batches[1:]
	return batch
}

// takeUp opens objects, those of a batch and then of the next ones. One that takes long, perhaps on a disk that hangs, holds up
// nobody: another worker goes on behind it.
func (n *Node) takeUp(r *restoring, batch []known, files map[string][]catalog.FileRow) {
	for {
		for i, k := range batch {
			open := func() { k.open(files[k.ID]) }
			if !n.soon(func() {
				if !k.Do(open) {
					open()
				}
			}, func() { n.takeUp(r, batch[i+1:], files) }) {
				return
			}
		}
		if batch = r.next(); batch == nil {
			return
		}
		files = n.filesOf(batch)
	}
}

// soonIs how long a worker waits for one object's disk.
const soonIs = time.Second

// soon does something. When that takes long, what comes after is done beside it; soon reports whether that is left to the caller.
func (n *Node) soon(do, after func()) bool {
	var told atomic.Bool
	t := time.AfterFunc(soonIs, func() {
		if told.CompareAndSwap(false, true) {
			n.driving.Go(after) // who does is still counted
		}
	})
	defer t.Stop()
	do()
	return told.CompareAndSwap(false, true)
}

// filesOf reads the files of the shares of a batch together.
func (n *Node) filesOf(batch []known) map[string][]catalog.FileRow {
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
	return files
}
