package bittorrent

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// payloadPatience is how long a block may take from its first byte to its last. While it arrives nobody else is asked
// for it.
const payloadPatience = 60 * time.Second

// read is the inbound flow: socket, parser, swarm (one lock for all messages of one read), payload to its place.
func (c *connection) read(ctx context.Context) error {
	in := newInbound()
	defer in.release(c.sh)
	for {
		n, err := c.receive(in)
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
			in.resize(c.sh, payload > 0 && wait < c.sh.lull())
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
// buffer.
func (c *connection) receive(in *inbound) (int, error) {
	room := in.buf[in.end:]
	if in.large != nil {
		room = room[:min(len(room), portion(c.down))]
	}
	if in.flowing || in.timed {
		limit := time.Time{}
		if in.flowing {
			limit = c.sh.cfg.Now().Add(c.sh.lull())
		}
		if err := c.conn.SetReadDeadline(limit); err != nil {
			return 0, err
		}
		in.timed = in.flowing
	}
	n, err := c.conn.Read(room)
	in.end += n
	if in.flowing && errors.Is(err, os.ErrDeadlineExceeded) {
		in.resize(c.sh, false)
		return n, nil
	}
	return n, err
}

// digest handles everything that has been received, and counts the payload.
func (c *connection) digest(in *inbound) (payload int, err error) {
	content := c.o.Content.Load()
	in.limit(content)
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
		whole := in.arrivals
		if missing > 0 {
			whole = whole[:len(whole)-1]
		}
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
			payload += in.arrivals[len(whole)].Length
			if err := c.readRest(content, in, missing); err != nil {
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
	return c.spill(content, a, payload)
}

func (c *connection) spill(content *Content, a *swarm.Arrival, payload []byte) error {
	err := content.Intake.Spill(a.Piece, a.Begin, payload)
	if err != nil {
		c.o.Failed(err)
	}
	return err
}

// readRest reads the rest of the last payload straight to where it belongs. Everything that was received has been parsed,
// so the buffer is free.
func (c *connection) readRest(content *Content, in *inbound, missing int) error {
	a := &in.arrivals[len(in.arrivals)-1]
	head := in.payloads[len(in.payloads)-1]
	if err := c.conn.SetReadDeadline(c.sh.cfg.Now().Add(payloadPatience)); err != nil {
		return err
	}
	in.timed = true
	if !wanted(content, a) {
		for missing > 0 {
			n, err := c.conn.Read(in.buf[:min(missing, len(in.buf))])
			if missing -= n; err != nil {
				return err
			}
		}
		c.landed(content, in, in.arrivals[len(in.arrivals)-1:])
		return nil
	}
	dst := content.Intake.Place(a.Piece, a.Begin, a.Length)
	spilled := dst == nil
	if spilled {
		dst = in.lease(c.sh)[:a.Length]
	}
	copy(dst, head)
	if _, err := io.ReadFull(c.conn, dst[len(head):]); err != nil {
		return err
	}
	if spilled {
		if err := c.spill(content, a, dst); err != nil {
			return err
		}
	}
	c.landed(content, in, in.arrivals[len(in.arrivals)-1:])
	return nil
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

// limit tells the parser what may come: no block is longer than what we ask for.
func (in *inbound) limit(content *Content) {
	in.parser.Limits = wire.Limits{Block: torrent.BlockSize, Extended: maxExtended}
	if content != nil {
		in.parser.Limits.Bitfield = (content.Layout.Pieces() + 7) / 8
	}
}
