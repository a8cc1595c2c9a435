// Package intake is the one door by which fetched bytes become verified bytes, whatever network they came by: blocks are
// put together in memory, a complete piece is hashed, and only what is right is written to its place, once, and never read
// back. It keeps the order of promise 4.2 up to the write; what is written and verified is told to the store, which makes
// it durable beside the transfer.
//
// Memory for pieces has a budget. A piece above it is written block by block to the unfinished file, read back and hashed
// when it is complete.
//
//	Place, Spill    blocks arrive                (the shell's goroutine)
//	Complete        the piece is handed over     (waits while the workers are behind: this slows the senders)
//	work            hashed, written, reported    (a worker of the Pool)
package intake

import (
	"fmt"
	"sync"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
)

// Files is where verified bytes go: a fetched object of the store.
type Files interface {
	ReadAt(p []byte, file int, off int64) error
	WriteAt(p []byte, file int, off int64) error
	// Verified says that an extent has been written and is what it should be.
	Verified(e content.Extent)
}

// Report tells the outcome of a complete piece. With err the disk or a mistake of ours, not a peer, is to blame, and v
// means nothing.
type Report func(piece int, v torrent.Verdict, err error)

// Config is what an Intake is made of. All fields are required.
type Config struct {
	Layout *torrent.Layout
	Hashes *torrent.Hashes
	Files  Files
	Budget *Budget
	Pool   *Pool
	Report Report
	// NeedLeaves reports whether the verdict on a passed piece must carry its leaf hashes.
	NeedLeaves func(piece int) bool
}

// Intake puts the pieces of one object together. It is safe for concurrent use.
type Intake struct {
	cfg Config

	mu      sync.Mutex
	units   map[int]*unit
	closed  bool
	jobs    sync.WaitGroup // pieces handed over
	buffers sync.Pool      // of *[]byte, each of the layout's piece length
}

// unit is a piece under way: in memory, or, where data is nil, spilled to the unfinished file.
type unit struct{ data []byte }

// New makes an intake for one object.
func New(cfg Config) *Intake {
	return &Intake{cfg: cfg, units: make(map[int]*unit)}
}

// Place is the memory where a block belongs, to be filled before the block is reported as landed. It is nil when the piece
// is spilled: then the block is handed to Spill.
func (in *Intake) Place(piece, begin, length int) []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return make([]byte, length) // the connection is about to end
	}
	u := in.units[piece]
	if u == nil {
		u = &unit{data: in.lease(in.cfg.Layout.Need(piece))}
		in.units[piece] = u
	}
	if u.data == nil {
		return nil
	}
	return u.data[begin : begin+length]
}

// Spill writes a block of a piece that has no place in memory.
func (in *Intake) Spill(piece, begin int, data []byte) error {
	return in.each(piece, begin, len(data), func(e content.Extent, at int) error {
		return in.cfg.Files.WriteAt(data[at:at+int(e.Length)], e.File, e.Offset)
	})
}

// Complete hands a piece over to be verified and written. It waits while the workers are behind.
func (in *Intake) Complete(piece int) {
	in.mu.Lock()
	u := in.units[piece]
	if u == nil || in.closed {
		in.mu.Unlock()
		return
	}
	in.jobs.Add(1)
	in.mu.Unlock()
	in.cfg.Pool.do(func(s *scratch) {
		defer in.jobs.Done()
		in.work(piece, u, s)
	})
}

// work verifies a complete piece, writes it if it is right, and reports.
func (in *Intake) work(piece int, u *unit, s *scratch) {
	reported := false
	report := func(v torrent.Verdict, err error) {
		reported = true
		in.cfg.Report(piece, v, err)
	}
	defer func() {
		if r := recover(); r != nil {
			in.forget(piece, u)
			if !reported {
				report(torrent.Verdict{}, fmt.Errorf("intake: internal error at piece %d: %v", piece, r))
			}
			panic(r) // the pool counts it
		}
	}()
	v, err := in.check(piece, u, s)
	if err == nil && v.OK {
		err = in.keep(piece, u)
	}
	// Where the bad blocks are known the good ones stay, and the bad ones are put in their place again.
	if err != nil || v.OK || len(v.Bad) == 0 {
		in.forget(piece, u)
	}
	report(v, err)
}

// check verifies a complete piece.
func (in *Intake) check(piece int, u *unit, s *scratch) (torrent.Verdict, error) {
	if u.data == nil {
		return in.checkSpilled(piece, s)
	}
	v := in.cfg.Hashes.Check(piece, u.data)
	if v.OK && in.cfg.NeedLeaves(piece) {
		v.Leaves = torrent.AppendLeafHashes(nil, u.data)
	}
	return v, nil
}

// keep writes a piece that is right, unless it was spilled, and tells that it is.
func (in *Intake) keep(piece int, u *unit) error {
	if u.data != nil {
		if err := in.Spill(piece, 0, u.data); err != nil {
			return err
		}
	}
	return in.each(piece, 0, in.cfg.Layout.Need(piece), func(e content.Extent, _ int) error {
		in.cfg.Files.Verified(e)
		return nil
	})
}

// each calls f for every extent that a run of a piece covers, with the extent's place in the run. Padding is left out.
func (in *Intake) each(piece, begin, length int, f func(e content.Extent, at int) error) error {
	var room [8]torrent.Segment
	at := 0
	for _, s := range in.cfg.Layout.Segments(room[:0], piece, begin, length) {
		if s.Pad == 0 {
			if err := f(s.Extent, at); err != nil {
				return err
			}
		}
		at += int(s.Len())
	}
	return nil
}

func (in *Intake) forget(piece int, u *unit) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.units[piece] == u {
		delete(in.units, piece)
		in.giveBack(u.data)
	}
}

// lease takes memory for a piece from the budget; nil if there is none left. Only buffers of whole pieces are used again.
func (in *Intake) lease(n int) []byte {
	if !in.cfg.Budget.take(n) {
		return nil
	}
	if n < in.full() {
		return make([]byte, n)
	}
	if b, ok := in.buffers.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, n)
}

func (in *Intake) giveBack(data []byte) {
	if data == nil {
		return
	}
	if len(data) == in.full() && !in.closed {
		in.buffers.Put(&data)
	}
	in.cfg.Budget.give(len(data))
}

func (in *Intake) full() int { return int(in.cfg.Layout.PieceLength()) }

// Close waits for the pieces that are with the workers and gives back the memory of all others. What is placed or handed
// over after it is thrown away.
func (in *Intake) Close() {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	in.jobs.Wait()
	in.mu.Lock()
	defer in.mu.Unlock()
	for piece, u := range in.units {
		in.giveBack(u.data)
		delete(in.units, piece)
	}
}
