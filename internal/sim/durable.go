package sim

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

const syncEvery = 2 * time.Second

// checked is the intake's report on a piece.
func (r *run) checked(piece int, v torrent.Verdict, err error) {
	if err != nil {
		r.swarm.Unwritten(piece)
		r.halt(err)
		return
	}
	r.n.w.judge.checked(r, piece, v)
	r.swarm.Checked(r.n.w.now, piece, v)
	if v.OK {
		r.body.hashes.ForgetLeaves(piece)
	}
}

// keepBooks makes what was fetched durable, every other second until all is done.
func (r *run) keepBooks() {
	if r.n.book.done || r.n.plan.Seeder {
		return
	}
	r.does(syncEvery, func() {
		r.persist()
		if !r.over {
			r.keepBooks()
		}
	})
}

// markDirty has persist called soon.
func (r *run) markDirty() {
	if r.dirty || r.n.plan.Seeder {
		return
	}
	r.dirty = true
	r.does(time.Millisecond, func() {
		r.dirty = false
		r.persist()
	})
}

// persist syncs, records, and gives the files that are whole their final names. Between any two of these it may crash.
func (r *run) persist() {
	b, n := r.body, r.n
	if b == nil || r.halted || n.book.done {
		return
	}
	if err := r.sync(); err != nil {
		r.halt(err)
		return
	}
	if r.over || n.crashAt(AfterNote) {
		return
	}
	ready, left := r.ready()
	if len(ready) > 0 {
		var found []int
		for _, i := range ready {
			if b.files.State(i) == store.Found {
				found = append(found, i)
			}
		}
		if err := b.files.Finish(ready...); err != nil {
			r.halt(err)
			return
		}
		for _, i := range ready {
			n.promise(i, 0, n.object.Files()[i].Size)
		}
		if n.crashAt(AfterNamed) {
			return
		}
		for _, i := range found {
			n.book.recorded[i] = b.durable[i].Clone()
		}
		for _, i := range ready {
			n.w.judge.finished(r, i)
			n.book.finished[i] = b.files.Identity(i)
		}
	}
	if left == 0 {
		n.book.done = true
		n.w.notef(n.i, "is done")
		n.w.judge.done(r)
	}
}

// ready lists the files that are whole and durable, and counts those that are not.
func (r *run) ready() (ready []int, left int) {
	for i, f := range r.n.object.Files() {
		switch {
		case r.body.files.State(i) == store.Whole:
		case r.body.durable[i].Contains(0, f.Size):
			ready = append(ready, i)
		default:
			left++
		}
	}
	return ready, left
}

// sync makes durable what is written, and records what of it is verified.
func (r *run) sync() error {
	b, n := r.body, r.n
	synced, err := b.files.Sync()
	if err != nil {
		return err
	}
	for _, d := range synced {
		n.promise(d.File, d.From, d.To)
	}
	if !r.over && n.crashAt(AfterSync) {
		return nil
	}
	if len(synced) > 0 {
		n.book.layers = b.hashes.Layers()
	}
	for _, d := range synced {
		n.noted[d.File].Add(d.From, d.To)
		n.book.recorded[d.File].Add(d.From, d.To)
		b.durable[d.File].Add(d.From, d.To)
	}
	return nil
}

func (n *node) promise(file int, from, to int64) { n.promised[file].Add(from, to) }

// preserve puts in order what is left of a run that has been halted.
func (r *run) preserve() {
	b, n := r.body, r.n
	if b.intake == nil {
		b.files.Close()
		return
	}
	b.intake.Close()
	if err := r.sync(); err != nil {
		n.w.notef(n.i, "the last sync fails: %v", err)
	}
	b.files.Close()
	for i := range n.object.Files() {
		n.book.left[i] = vfs.Info{}
		if b.files.State(i) == store.Partial {
			n.book.left[i], _ = n.faults.Stat(n.partName(i))
		}
	}
}

// holds is what of the object would survive the node's end, by file.
func (n *node) holds() []content.Ranges {
	if n.plan.Seeder {
		return n.w.object.everything()
	}
	return n.promised
}
