package web

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// caller is one of the requests that a server gets at once, one after the other.
type caller struct {
	sh    *Shell
	o     *Object
	at    *addresses
	guard netx.Guard
	id    swarm.PeerID
	wake  chan struct{}
	// among is how many requests the server gets at once.
	among int
	// whole is nil if the server gives ranges of files.
	whole *whole

	blocks   []scheduler.Request
	open     *answer
	runs     []content.Extent // not asked for yet
	arrivals []swarm.Arrival
	complete []int
}

// call asks for one portion, and delivers it. It reports whether there was anything to ask for.
func (c *caller) call(ctx context.Context) (some bool, err error) {
	now, s := c.sh.cfg.Now(), c.o.Swarm
	rate := s.SourceRate(now, c.id) / float64(c.among)
	if err := c.choose(now, portion(rate)); err != nil || len(c.blocks) == 0 {
		return false, err
	}
	left := c.blocks
	defer func() {
		if len(left) > 0 {
			s.GiveUp(c.sh.cfg.Now(), c.id, left)
		}
	}()
	chunk := together(rate)
	for len(left) > 0 {
		n, err := c.chunk(ctx, left, chunk)
		if err != nil {
			return true, err
		}
		left = left[n:]
	}
	return true, nil
}

// choose makes c.blocks up to n blocks to ask for now.
func (c *caller) choose(now time.Time, n int) (err error) {
	if c.whole != nil {
		return c.chooseAhead(now, n)
	}
	c.blocks, err = c.o.Swarm.WantBlocks(now, c.id, c.blocks[:0], n, nil)
	c.runs = plan(c.o.Layout, c.blocks)
	return err
}

// hangUp closes the answer that is open.
func (c *caller) hangUp() {
	if c.open != nil {
		c.open.close()
		c.open = nil
	}
}

// chunk delivers some blocks at the front that lie one behind the other in a piece, and says how many.
func (c *caller) chunk(ctx context.Context, blocks []scheduler.Request, most int) (n int, err error) {
	// While the answer is awaited, the first block is open to others too.
	if err := c.await(ctx, blocks[0]); err != nil {
		return 0, err
	}
	c.arrivals = c.arrivals[:0]
	length := 0
	for n < min(len(blocks), most) && blocks[n].Unit == blocks[0].Unit && blocks[n].Block == blocks[0].Block+n {
		a, wanted := c.o.Swarm.Begin(c.sh.cfg.Now(), c.id, blocks[n])
		if !wanted && n > 0 {
			break // it begins a chunk of its own, and is thrown away there
		}
		c.arrivals = append(c.arrivals, a)
		length += a.Length
		if n++; !wanted {
			// Perhaps nothing of it is wanted any more.
			if _, err := c.o.Swarm.WantBlocks(c.sh.cfg.Now(), c.id, nil, 0, nil); err != nil {
				return 0, err
			}
			break
		}
	}
	first := &c.arrivals[0]
	var dst []byte
	if first.Wanted {
		dst = c.o.Intake.Place(first.Piece, first.Begin, length)
	}
	elsewhere := dst == nil
	if elsewhere {
		b := c.sh.buffers.Get().(*[]byte)
		defer c.sh.buffers.Put(b)
		dst = (*b)[:length]
	}
	if err := c.fill(ctx, dst, first); err != nil {
		return 0, err
	}
	if elsewhere && first.Wanted {
		if err := c.o.Intake.Spill(first.Piece, first.Begin, dst); err != nil {
			c.o.Failed(err)
			return 0, &oursError{err}
		}
	}
	c.complete = c.o.Swarm.Landed(c.sh.cfg.Now(), c.id, c.arrivals, c.complete[:0])
	for _, piece := range c.complete {
		c.o.Intake.Complete(piece)
	}
	if c.whole != nil {
		c.whole.passed(blocks[n-1])
	}
	return n, nil
}

// await opens the answer that the first bytes of a block will come by, if it is not open.
func (c *caller) await(ctx context.Context, r scheduler.Request) error {
	begin, n := c.o.Layout.Block(r.Unit, r.Block)
	var room [8]torrent.Segment
	for _, s := range c.o.Layout.Segments(room[:0], r.Unit, begin, n) {
		if s.Pad == 0 {
			return c.ready(ctx, s.Extent)
		}
	}
	return nil
}

// ready makes c.open the answer that the next bytes, which are those of e, come by.
func (c *caller) ready(ctx context.Context, e content.Extent) (err error) {
	if c.whole != nil {
		return c.seek(ctx, e)
	}
	if c.open != nil {
		return nil
	}
	run := c.runs[0]
	c.runs = c.runs[1:]
	c.open, err = c.get(ctx, run)
	return err
}

// limit is how many bytes are accounted for at a time.
const limit = 64 << 10

// fill reads the bytes of a run of a piece, which goes over as many answers as it takes. Padding is zeros.
func (c *caller) fill(ctx context.Context, dst []byte, first *swarm.Arrival) error {
	var room [8]torrent.Segment
	for _, s := range c.o.Layout.Segments(room[:0], first.Piece, first.Begin, len(dst)) {
		p := dst[:s.Len()]
		dst = dst[s.Len():]
		if s.Pad > 0 {
			clear(p)
			continue
		}
		if err := c.ready(ctx, s.Extent); err != nil {
			return err
		}
		if err := c.read(p); err != nil {
			return err
		}
	}
	return nil
}

// read reads from the open answer, within our limits, and closes it at its end.
func (c *caller) read(p []byte) error {
	a := c.open
	late := time.AfterFunc(patience, func() { a.cancel(errSilent) })
	defer late.Stop()
	for len(p) > 0 {
		part := p[:min(len(p), limit)]
		p = p[len(part):]
		if err := a.fill(part); err != nil {
			return err
		}
		if wait := c.o.Down.Take(c.sh.cfg.Now(), len(part)); wait > 0 {
			late.Stop()
			if err := a.pause(wait); err != nil {
				return err
			}
			late.Reset(patience)
		}
	}
	if a.left > 0 {
		return nil
	}
	c.open = nil
	defer a.close()
	return a.end()
}

// patience is how long blocks that are read together may take from the first byte to the last.
const patience = 60 * time.Second
