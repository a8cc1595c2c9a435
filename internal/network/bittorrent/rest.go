package bittorrent

import (
	"io"
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
		if run > 0 {
			dst = content.Intake.Place(blocks[0].Piece, blocks[0].Begin, bytes)
		}
		var err error
		switch {
		case dst != nil:
			err = c.readInto(content, in, dst, blocks[:run], begun)
		case run > 0:
			run = 1
			err = c.readAside(content, in, blocks[:run], begun)
		default:
			run = 1
			err = c.readAway(content, in, blocks[:run], begun)
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

// readAside reads a block that is wanted and has no place in memory, and writes it to the disk, in one go.
func (c *connection) readAside(content *Content, in *inbound, block []swarm.Arrival, begun []byte) error {
	a := &block[0]
	if len(in.buf) < a.Length {
		in.buf = make([]byte, a.Length) // until the next resize
	}
	payload := in.buf[:a.Length]
	have := copy(payload, begun)
	if _, err := io.ReadFull(c.conn, payload[have:]); err != nil {
		return err
	}
	if err := c.spill(content, a.Piece, a.Begin, payload); err != nil {
		return err
	}
	c.landed(content, in, block)
	return nil
}

// readAway reads a block that nobody wants, and throws it away.
func (c *connection) readAway(content *Content, in *inbound, block []swarm.Arrival, begun []byte) error {
	for left := block[0].Length - len(begun); left > 0; {
		n, err := c.conn.Read(in.buf[:min(left, len(in.buf))])
		if left -= n; err != nil && left > 0 {
			return err
		}
	}
	c.landed(content, in, block)
	return nil
}
