package web

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
)

// whole is how far one has come with a server that gives files only as a whole: one at a time, each from its first byte, in
// the order of the object. What the swarm does not want is thrown away on the way to what it does, but of no file more than
// its size: then the server counts as one that lacks it.
type whole struct {
	front  scheduler.Request // nothing before this block can come without asking for its file again
	wasted map[int]int64     // bytes thrown away, by file
	window content.Bitmap    // of pieces; empty between calls
}

func newWhole(pieces int) *whole {
	return &whole{wasted: make(map[int]int64), window: content.NewBitmap(pieces)}
}

// again begins at the front of the object.
func (w *whole) again() { w.front = scheduler.Request{} }

// passed says that a block has come.
func (w *whole) passed(r scheduler.Request) {
	w.front = scheduler.Request{Unit: r.Unit, Block: r.Block + 1}
}

// before reports whether a block lies before another one.
func before(a, b scheduler.Request) bool {
	return a.Unit < b.Unit || a.Unit == b.Unit && a.Block < b.Block
}

// chooseAhead makes c.blocks blocks that come next, or from the front if there are none further on.
func (c *caller) chooseAhead(now time.Time, n int) error {
	err := c.chooseFrom(now, n)
	if err == nil && len(c.blocks) == 0 && before(scheduler.Request{}, c.whole.front) {
		c.whole.again()
		err = c.chooseFrom(now, n)
	}
	return err
}

// windowSize is how many pieces are looked at together for some to ask for.
const windowSize = 256

// chooseFrom makes c.blocks the next blocks that are wanted.
func (c *caller) chooseFrom(now time.Time, n int) (err error) {
	w := c.whole
	size := 1 // the piece that has been begun
	for first := w.front.Unit; first < w.window.Len(); first, size = first+size, windowSize {
		end := min(first+size, w.window.Len())
		for piece := first; piece < end; piece++ {
			w.window.Set(piece)
		}
		c.blocks, err = c.o.Swarm.WantBlocks(now, c.id, c.blocks[:0], n, &w.window)
		for piece := first; piece < end; piece++ {
			w.window.Clear(piece)
		}
		if err != nil {
			return err
		}
		behind := 0
		for behind < len(c.blocks) && before(c.blocks[behind], w.front) {
			behind++
		}
		if behind > 0 {
			c.o.Swarm.GiveUp(now, c.id, c.blocks[:behind])
			c.blocks = append(c.blocks[:0], c.blocks[behind:]...)
		}
		if len(c.blocks) > 0 {
			return nil
		}
	}
	return nil
}

// seek makes c.open the file that e lies in, at the first byte of e.
func (c *caller) seek(ctx context.Context, e content.Extent) (err error) {
	size := c.o.Info.Files[e.File].Size
	at := int64(-1)
	if c.open != nil && c.open.file == e.File {
		at = size - c.open.left
	}
	if at == e.Offset {
		return nil
	}
	skip := e.Offset - at
	if again := at < 0 || skip < 0; again {
		c.hangUp()
		skip = e.Offset
	}
	wasted := c.whole.wasted[e.File] + skip
	if wasted > size {
		return &absentError{e.File, "it gives files only as a whole, and too much of one was of no use"}
	}
	c.whole.wasted[e.File] = wasted
	if c.open == nil {
		if c.open, err = c.getWhole(ctx, e.File); err != nil {
			return err
		}
	}
	return c.discard(skip)
}

// discard throws away the next n bytes of the open answer.
func (c *caller) discard(n int64) error {
	b := c.sh.buffers.Get().(*[]byte)
	defer c.sh.buffers.Put(b)
	for n > 0 {
		p := (*b)[:min(n, torrent.BlockSize)]
		if err := c.read(p); err != nil {
			return err
		}
		n -= int64(len(p))
	}
	return nil
}
