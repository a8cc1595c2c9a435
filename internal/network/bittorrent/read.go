package bittorrent

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// read is the inbound flow: socket, parser, swarm (one lock for all messages of one read), payload to its place.
func (c *connection) read(ctx context.Context) error {
	in := newInbound()
	defer in.release(c.sh.buffers)
	for {
		n, err := c.receive(ctx, in)
		if n > 0 {
			now := c.sh.cfg.Now()
			payload, err := c.digest(in)
			if err != nil {
				return err
			}
			wait := time.Duration(0)
			if payload > 0 {
				wait = c.down.Take(now, payload)
			}
			// Who has to wait for long does so without the large buffer.
			if err := in.resize(ctx, c.sh.buffers, payload > 0 && wait < c.sh.lull()); err != nil {
				return err
			}
			if wait >= lull {
				c.o.Swarm.Throttled(c.id, now.Add(wait))
			}
			if err := netx.Pause(ctx, wait); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// receive reads once. While payload flows it waits for a moment only: a peer that has fallen silent waits on the small
// buffer. Who is in the middle of a long message holds the large one, and not for ever.
func (c *connection) receive(ctx context.Context, in *inbound) (int, error) {
	room := in.buf[in.end:]
	if p := portion(c.down); p < portionSize && in.large != nil {
		room = room[:min(len(room), p)]
	}
	if err := c.limitRead(in); err != nil {
		return 0, err
	}
	n, err := c.conn.Read(room)
	in.end += n
	if in.flowing && errors.Is(err, os.ErrDeadlineExceeded) {
		return n, in.resize(ctx, c.sh.buffers, false)
	}
	return n, err
}

// limitRead says how long the next read may wait.
func (c *connection) limitRead(in *inbound) error {
	limit := time.Time{}
	switch {
	case in.flowing:
		limit = c.sh.cfg.Now().Add(c.sh.lull())
	case in.large != nil:
		if in.until.IsZero() {
			in.until = c.sh.cfg.Now().Add(payloadPatience)
		}
		limit = in.until
	case !in.timed:
		return nil
	}
	in.timed = !limit.IsZero()
	return c.conn.SetReadDeadline(limit)
}

// digest handles everything that has been received, and counts the payload.
func (c *connection) digest(in *inbound) (payload int, err error) {
	content := c.o.Content.Load()
	in.limit(content, c.sh.cfg.LargeRequests)
	for more := true; more; {
		var missing int
		if missing, more, err = in.parse(); err != nil {
			return payload, err
		}
		if len(in.msgs) == 0 {
			break
		}
		in.arrivals, err = c.o.Swarm.Receive(c.sh.cfg.Now(), c.id, in.msgs, in.arrivals[:0])
		if err != nil {
			return payload, err
		}
		whole := in.arrivals[:in.whole()]
		for i := range whole {
			payload += whole[i].Length
			if err := c.store(content, &whole[i], in.payloads[i]); err != nil {
				return payload, err
			}
		}
		if len(whole) > 0 {
			c.landed(content, in, whole)
		}
		if missing > 0 {
			for _, a := range in.arrivals[len(whole):] {
				payload += a.Length
			}
			if err := c.readRest(content, in, len(whole)); err != nil {
				return payload, err
			}
		}
	}
	return payload, nil
}

// wanted reports whether the payload of an arrival has a place to go.
func wanted(content *Content, a *swarm.Arrival) bool {
	return a.Wanted && content != nil && content.Intake != nil
}

// store puts the payload of an arrival in its place.
func (c *connection) store(content *Content, a *swarm.Arrival, payload []byte) error {
	if !wanted(content, a) {
		return nil
	}
	if dst := content.Intake.Place(a.Piece, a.Begin, a.Length); dst != nil {
		copy(dst, payload)
		return nil
	}
	return c.spill(content, a.Piece, a.Begin, payload)
}

func (c *connection) spill(content *Content, piece, begin int, payload []byte) error {
	err := content.Intake.Spill(piece, begin, payload)
	if err != nil {
		c.o.Failed(err)
	}
	return err
}

// landed reports payload in place, and hands over the pieces that it made complete.
func (c *connection) landed(content *Content, in *inbound, arrivals []swarm.Arrival) {
	in.complete = c.o.Swarm.Landed(c.sh.cfg.Now(), c.id, arrivals, in.complete[:0])
	if content == nil {
		return // there is no place for it
	}
	for _, piece := range in.complete {
		content.Intake.Complete(piece)
	}
}

// limit tells the parser what may come: no block is longer than what we ask for, or, where we ask for runs, no run.
func (in *inbound) limit(content *Content, runs bool) {
	in.parser.Limits = wire.Limits{Block: torrent.BlockSize, Extended: maxExtended}
	if runs {
		in.parser.Limits.Block = wire.MaxRun
	}
	if content != nil {
		in.parser.Limits.Bitfield = (content.Layout.Pieces() + 7) / 8
	}
}
