package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/swarm"
)

// payloadPatience is how long a block, or a message longer than the small buffer, may take from its first byte to its last.
// While a block arrives nobody else is asked for it.
const payloadPatience = 60 * time.Second

// readRest reads what is missing of the last blocks straight to where it belongs: those from the given one on, of which only
// the first has begun. Everything that was received has been parsed, so the buffer is free for what has no place.
func (c *connection) readRest(content *Content, in *inbound, from int) error {
	blocks, begun := in.arrivals[from:], in.payloads[from]
	for len(blocks) > 0 {
		if err := c.conn.SetReadDeadline(c.sh.cfg.Now().Add(payloadPatience)); err != nil {
			return err
		}
		in.timed = true
		run, bytes := neighbours(content, blocks)
		var dst []byte
		if wanted(content, &blocks[0]) {
			dst = content.Intake.Place(blocks[0].Piece, blocks[0].Begin, bytes)
		}
		var err error
		if dst != nil {
			err = c.readInto(content, in, dst, blocks[:run], begun)
		} else {
			run = 1
			err = c.readAway(content, in, &blocks[0], begun)
		}
		if err != nil {
			return err
		}
		blocks, begun = blocks[run:], nil
	}
	return nil
}

// neighbours counts the blocks at the front that are wanted and lie one behind the other in one piece, and their bytes.
func neighbours(content *Content, blocks []swarm.Arrival) (run, bytes int) {
	first := &blocks[0]
	for run < len(blocks) {
		a := &blocks[run]
		if !wanted(content, a) || a.Piece != first.Piece || a.Begin != first.Begin+bytes {
			break
		}
		bytes += a.Length
		run++
	}
	return run, bytes
}

// readInto fills the memory of neighbouring blocks, and reports each as soon as it is whole.
func (c *connection) readInto(content *Content, in *inbound, dst []byte, blocks []swarm.Arrival, begun []byte) error {
	have := copy(dst, begun)
	landed := 0 // bytes
	for have < len(dst) {
		n, err := c.conn.Read(dst[have:])
		have += n
		whole := 0
		for whole < len(blocks) && landed+blocks[whole].Length <= have {
			landed += blocks[whole].Length
			whole++
		}
		if whole > 0 {
			c.landed(content, in, blocks[:whole])
			blocks = blocks[whole:]
		}
		if err != nil && have < len(dst) {
			return err
		}
	}
	return nil
}

// readAway reads a block that has no place in memory: to the disk if it is wanted, a part at a time.
func (c *connection) readAway(content *Content, in *inbound, a *swarm.Arrival, begun []byte) error {
	at := 0
	keep := func(part []byte) error {
		begin := a.Begin + at
		if at += len(part); len(part) == 0 || !wanted(content, a) {
			return nil
		}
		return c.spill(content, a.Piece, begin, part)
	}
	if err := keep(begun); err != nil {
		return err
	}
	for at < a.Length {
		n, err := c.conn.Read(in.buf[:min(a.Length-at, len(in.buf))])
		if err := keep(in.buf[:n]); err != nil {
			return err
		}
		if err != nil && at < a.Length {
			return err
		}
	}
	c.landed(content, in, []swarm.Arrival{*a})
	return nil
}
