package torrent

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"iter"
	"runtime/debug"
	"sync"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const (
	// readSize is how much is read from a file at a time: so little that it is still in the processor's cache when it is
	// hashed, and a whole number of blocks, so that none is cut in two.
	readSize = 256 << 10
	// runSize is about how much one worker takes on at a time. The disk is told of it ahead, and sees long reads in order.
	runSize = 4 << 20
)

// digests is which hashes of a piece are made.
type digests struct{ v1, v2 bool }

// pieceHasher hashes one piece after the other.
type pieceHasher struct {
	digests
	sha  hash.Hash
	tree merkle
}

// write hashes bytes of the piece. With v2, all writes but a file's last are whole blocks.
func (p *pieceHasher) write(b []byte) {
	if !p.v2 {
		p.sha.Write(b)
		return
	}
	// Both digests take the block while it is in the cache.
	for len(b) > 0 {
		n := min(BlockSize, len(b))
		if p.v1 {
			p.sha.Write(b[:n])
		}
		p.tree.add(LeafHash(b[:n]))
		b = b[n:]
	}
}

// writePad hashes padding, which only v1 knows.
func (p *pieceHasher) writePad(n int64) {
	if p.v1 {
		writeZeros(p.sha, n)
	}
}

func (p *pieceHasher) reset() {
	if p.v1 {
		p.sha.Reset()
	}
	p.tree.n = 0
}

func (p *pieceHasher) sumV1() (sum metainfo.HashV1) {
	p.sha.Sum(sum[:0])
	return sum
}

// walker reads runs of pieces in order of the stream and hashes them, one piece after the other, with one buffer.
type walker struct {
	l    *Layout
	buf  []byte
	hash pieceHasher
	// read fills p with bytes of a file.
	read func(p []byte, e content.Extent) error
	// ahead, if set, is told of extents that read is about to be asked for bit by bit.
	ahead func(e content.Extent)
	// lenient: an error of read that is ErrAbsent spoils the piece, but does not end the run.
	lenient bool
	// begin says which digests are wanted of a piece that is about to be read.
	begin func(piece int) digests
	// done is told of each piece when it was hashed, or when bytes of it were absent.
	done func(piece int, absent bool)

	at     int64 // in the stream
	end    int64 // of the current piece
	absent bool  // bytes of the current piece are
}

func newWalker(l *Layout) *walker {
	return &walker{l: l, buf: make([]byte, readSize), hash: pieceHasher{sha: sha1.New()}}
}

// run hashes pieces first to end-1.
func (w *walker) run(ctx context.Context, p Pieces) error {
	w.at = int64(p.First) * w.l.pieceLength
	w.enter()
	to := min(int64(p.End)*w.l.pieceLength, w.l.end)
	for s := range w.l.stream(w.at, to) {
		if s.Pad > 0 {
			w.pass(nil, s.Pad)
			continue
		}
		if w.ahead != nil && s.Extent.Length > readSize {
			w.ahead(s.Extent)
		}
		for e := s.Extent; e.Length > 0; {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			n := min(e.Length, int64(len(w.buf)))
			if err := w.extent(content.Extent{File: e.File, Offset: e.Offset, Length: n}); err != nil {
				return err
			}
			e.Offset, e.Length = e.Offset+n, e.Length-n
		}
	}
	return nil
}

// extent reads and hashes what fits the buffer. If bytes are absent, it tries piece by piece, so that one that lacks
// some does not spoil those beside it.
func (w *walker) extent(e content.Extent) error {
	err := w.read(w.buf[:e.Length], e)
	if err == nil {
		w.pass(w.buf[:e.Length], e.Length)
		return nil
	}
	if !w.lenient || !errors.Is(err, ErrAbsent) {
		return err
	}
	for rest := e; rest.Length > 0; {
		part := rest
		part.Length = min(rest.Length, w.end-w.at)
		if part != e && !w.absent {
			err = w.read(w.buf[:part.Length], part)
		}
		switch {
		case err == nil:
			w.pass(w.buf[:part.Length], part.Length)
		case errors.Is(err, ErrAbsent):
			w.absent = true
			w.pass(nil, part.Length)
		default:
			return err
		}
		rest.Offset, rest.Length = rest.Offset+part.Length, rest.Length-part.Length
	}
	return nil
}

// pass moves on by n bytes of the stream, hashing b if these are bytes of a file, else padding.
func (w *walker) pass(b []byte, n int64) {
	for n > 0 {
		k := min(n, w.end-w.at)
		switch {
		case w.absent:
		case b == nil:
			w.hash.writePad(k)
		default:
			w.hash.write(b[:k])
		}
		if b != nil {
			b = b[k:]
		}
		w.at, n = w.at+k, n-k
		if w.at == w.end {
			w.done(int((w.at-1)/w.l.pieceLength), w.absent)
			w.enter()
		}
	}
}

// enter begins the piece at w.at.
func (w *walker) enter() {
	w.end = min(w.at+w.l.pieceLength, w.l.end)
	w.absent = false
	if w.at < w.l.end {
		w.hash.digests = w.begin(int(w.at / w.l.pieceLength))
		w.hash.reset()
	}
}

// runs cuts ascending pieces into runs of neighbours worth about runSize bytes.
func (l *Layout) runs(pieces iter.Seq[int]) iter.Seq[Pieces] {
	most := int(max(1, runSize/l.pieceLength))
	return func(yield func(Pieces) bool) {
		var p Pieces
		for i := range pieces {
			if i < 0 || i >= l.pieces {
				continue
			}
			if i == p.End && p.End-p.First < most && p != (Pieces{}) {
				p.End++
				continue
			}
			if p.First < p.End && !yield(p) {
				return
			}
			p = Pieces{i, i + 1}
		}
		if p.First < p.End {
			yield(p)
		}
	}
}

// workers hands items to n goroutines, each with a function of its own, and waits for them. The first error, or the end
// of ctx, ends it. A panic in a goroutine is a panic here, where the caller can recover it.
func workers[T any](ctx context.Context, n int, items iter.Seq[T], start func() (work func(context.Context, T) error, stop func())) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan T)
	var wg sync.WaitGroup
	for range max(1, n) {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					cancel(&workerPanic{fmt.Sprintf("%v\n%s", p, debug.Stack())})
				}
			}()
			work, stop := start()
			defer stop()
			for item := range queue {
				if err := work(ctx, item); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	feed(ctx, queue, items)
	wg.Wait()
	err := context.Cause(ctx)
	var p *workerPanic
	if errors.As(err, &p) {
		panic(p.text)
	}
	return err
}

// feed closes the queue in any case, so that the workers end.
func feed[T any](ctx context.Context, queue chan<- T, items iter.Seq[T]) {
	defer close(queue)
	for item := range items {
		select {
		case queue <- item:
		case <-ctx.Done():
			return
		}
	}
}

type workerPanic struct{ text string }

func (p *workerPanic) Error() string { return p.text }
