package web

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// caller is one of the requests that a server gets at once, one after the other.
type caller struct {
	sh    *Shell
	o     *Object
	at    *addresses
	guard urls.Guard
	id    swarm.PeerID
	wake  chan struct{}
	// among is how many requests the server gets at once.
	among int
	// whole is nil if the server gives ranges of files.
	whole *whole

	blocks   []scheduler.Request
	open     *answer
	runs     []content.Extent // not asked for yet
	arrival  [1]swarm.Arrival
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
	for len(left) > 0 {
		if err := c.deliver(ctx, left[0]); err != nil {
			return true, err
		}
		left = left[1:]
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

// deliver brings one block. While its bytes arrive nobody else is asked for it, so that it is one at a time: a server that slows
// down holds up no more than that.
func (c *caller) deliver(ctx context.Context, r scheduler.Request) error {
	// While the answer is awaited, the block is open to others too.
	if err := c.await(ctx, r); err != nil {
		return err
	}
	a, wanted := c.o.Swarm.Begin(c.sh.cfg.Now(), c.id, r)
	var dst []byte
	if wanted {
		dst = c.o.Intake.Place(a.Piece, a.Begin, a.Length)
	} else if _, err := c.o.Swarm.WantBlocks(c.sh.cfg.Now(), c.id, nil, 0, nil); err != nil {
		return err // nothing of it is wanted any more
	}
	elsewhere := dst == nil
	if elsewhere {
		b := c.sh.buffers.Get().(*[]byte)
		defer c.sh.buffers.Put(b)
		dst = (*b)[:a.Length]
	}
	if err := c.fill(ctx, dst, a); err != nil {
		return err
	}
	if elsewhere && wanted {
		if err := c.o.Intake.Spill(a.Piece, a.Begin, dst); err != nil {
			c.o.Failed(err)
			return &oursError{err}
		}
	}
	c.arrival[0] = a
	c.complete = c.o.Swarm.Landed(c.sh.cfg.Now(), c.id, c.arrival[:], c.complete[:0])
	for _, piece := range c.complete {
		c.o.Intake.Complete(piece)
	}
	if c.whole != nil {
		c.whole.passed(r)
	}
	return nil
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

// fill reads the bytes of a block, which go over as many answers as it takes. Padding is zeros.
func (c *caller) fill(ctx context.Context, dst []byte, a swarm.Arrival) error {
	var room [8]torrent.Segment
	for _, s := range c.o.Layout.Segments(room[:0], a.Piece, a.Begin, len(dst)) {
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

// patience is how long a block may take from its first byte to its last.
const patience = 60 * time.Second

// read reads from the open answer, at most a block and within our limits, and closes it at its end.
func (c *caller) read(p []byte) error {
	a := c.open
	late := time.AfterFunc(patience, func() { a.cancel(errSilent) })
	err := a.fill(p)
	late.Stop()
	if err != nil {
		return err
	}
	if err := a.pause(a.limits.Take(c.sh.cfg.Now(), len(p))); err != nil {
		return err
	}
	if a.left > 0 {
		return nil
	}
	c.open = nil
	defer a.close()
	return a.end()
}
