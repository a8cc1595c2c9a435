package bittorrent

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// A peer that takes less than leastTaken bytes of what we send within writePatience is too slow to be served: it holds a
// slot and a large buffer. Who dies after he has taken so much is gone within a minute.
const (
	writePatience = 30 * time.Second
	leastTaken    = 8 << 10
	// stuckAfter is how long a peer may take nothing until its slot is another's too.
	stuckAfter = time.Second
)

// keepFrames is how large a buffer for frames an idle connection may keep.
const keepFrames = 4 << 10

// outbound is what a writer keeps between writes.
type outbound struct {
	box     swarm.Outbox
	granted []bittorrent.Block // to be sent when due
	due     time.Time
	headers []byte
	vector  net.Buffers
	data    *[]byte // leased while payload flows
	reads   []torrent.Segment
}

// write is the outbound flow: the swarm's frames and grants, payload read by the store, one writev.
func (c *connection) write(ctx context.Context) error {
	out := &outbound{}
	defer func() { c.rest(out) }()
	next, err := c.o.Swarm.Tick(c.sh.cfg.Now(), c.id)
	if err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := c.send(ctx, out); err != nil {
			return err
		}
		until := next
		if len(out.granted) > 0 && out.due.Before(until) {
			until = out.due
		}
		if held := out.box.Held; !held.IsZero() && held.Before(until) {
			until = held
		}
		timer.Reset(max(0, until.Sub(c.sh.cfg.Now())))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
		case <-timer.C:
		}
		if now := c.sh.cfg.Now(); !now.Before(next) {
			if next, err = c.o.Swarm.Tick(now, c.id); err != nil {
				return err
			}
		}
	}
}

// send writes until nothing waits, or only payload that is not due yet: a limit on payload does not hold up frames.
func (c *connection) send(ctx context.Context, out *outbound) error {
	for {
		now := c.sh.cfg.Now()
		room := 0
		if len(out.granted) == 0 {
			room = c.conn.Room(portion(c.up))
		}
		if err := c.o.Swarm.Outbound(now, c.id, &out.box, room); err != nil {
			return err
		}
		if len(out.box.Uploads) > 0 {
			out.granted, out.box.Uploads = out.box.Uploads, out.granted
			out.due = now.Add(c.up.Take(now, bytesOf(out.granted)))
		}
		out.vector = out.vector[:0]
		sent := len(out.box.Frames)+len(out.box.Leaves) > 0
		if len(out.box.Frames) > 0 {
			out.vector = append(out.vector, out.box.Frames)
		}
		if len(out.granted) > 0 && !now.Before(out.due) {
			sent = true
			if err := c.deliver(out); err != nil {
				return err
			}
			out.granted = out.granted[:0]
		}
		if !sent {
			c.rest(out)
			return nil
		}
		if err := c.flush(out.vector); err != nil {
			return err
		}
		if err := c.answerLeaves(ctx, out); err != nil {
			return err
		}
	}
}

func bytesOf(blocks []bittorrent.Block) (n int) {
	for _, b := range blocks {
		n += b.Length
	}
	return n
}

// flush writes everything to the socket. What the buffers hold is used up by that.
func (c *connection) flush(vector net.Buffers) error {
	for len(vector) > 0 {
		ready, err := c.conn.Seal(&vector)
		if err == nil {
			err = c.push(ready)
		}
		c.conn.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// push writes what is ready, for as long as the peer takes some of it, and tells the swarm while it does not.
func (c *connection) push(ready net.Buffers) error {
	now := c.sh.cfg.Now()
	ends, taken, stuck := now.Add(writePatience), int64(0), false
	for len(ready) > 0 {
		if err := c.conn.SetWriteDeadline(now.Add(stuckAfter)); err != nil {
			return err
		}
		n, err := c.conn.WriteSealed(&ready)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if still := err != nil && n == 0; still != stuck {
			stuck = still
			c.o.Swarm.Stuck(c.id, stuck)
		}
		if err == nil {
			continue
		}
		now, taken = c.sh.cfg.Now(), taken+n
		if !now.Before(ends) {
			if taken < c.sh.least(ready) {
				return err
			}
			ends, taken = now.Add(writePatience), 0
		}
	}
	return nil
}

// deliver lays out the granted blocks, each behind its header. Without a large buffer they are sent at once.
func (c *connection) deliver(out *outbound) error {
	if out.data == nil {
		out.data = c.sh.buffers.Lease()
	}
	if out.data == nil {
		return c.trickle(out)
	}
	err := c.gather(out, *out.data)
	if err != nil {
		c.o.Failed(err)
	}
	return err
}

// gather lays out the granted blocks in data. Blocks that follow each other are read at once.
func (c *connection) gather(out *outbound, data []byte) error {
	blocks := out.granted
	out.headers = out.headers[:0]
	if room := len(blocks) * wire.PieceHeaderSize; cap(out.headers) < room {
		out.headers = make([]byte, 0, room)
	}
	content := c.o.Content.Load()
	for len(blocks) > 0 {
		run, n := adjacent(blocks)
		if err := readBlock(content, out, data[:n], blocks[0]); err != nil {
			return err
		}
		for _, b := range blocks[:run] {
			at := len(out.headers)
			out.headers = wire.AppendPieceHeader(out.headers, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
			out.vector = append(out.vector, out.headers[at:], data[:b.Length])
			data = data[b.Length:]
		}
		blocks = blocks[run:]
	}
	return nil
}

// trickle sends the granted blocks through a small buffer, when all large ones are leased.
func (c *connection) trickle(out *outbound) error {
	small := make([]byte, torrent.BlockSize)
	content := c.o.Content.Load()
	for _, b := range out.granted {
		out.vector = append(out.vector, wire.AppendPieceHeader(nil, uint32(b.Piece), uint32(b.Begin), uint32(b.Length)))
		for at := 0; at < b.Length; at += len(small) {
			part := small[:min(len(small), b.Length-at)]
			if err := readBlock(content, out, part, bittorrent.Block{Piece: b.Piece, Begin: b.Begin + at}); err != nil {
				c.o.Failed(err)
				return err
			}
			if err := c.flush(append(out.vector, part)); err != nil {
				return err
			}
			out.vector = out.vector[:0]
		}
	}
	return nil
}

// adjacent counts the blocks at the front that lie one behind the other in one piece, and their bytes.
func adjacent(b []bittorrent.Block) (run, bytes int) {
	for run < len(b) && (run == 0 || b[run].Piece == b[0].Piece && b[run].Begin == b[0].Begin+bytes) {
		bytes += b[run].Length
		run++
	}
	return run, bytes
}

// readBlock fills p with the bytes of a piece from b.Begin on; padding reads as zeros.
func readBlock(content *Content, out *outbound, p []byte, b bittorrent.Block) error {
	out.reads = content.Layout.Segments(out.reads[:0], b.Piece, b.Begin, len(p))
	for _, s := range out.reads {
		n := int(s.Len())
		if s.Pad > 0 {
			clear(p[:n])
		} else if err := content.Files.ReadAt(p[:n], s.Extent.File, s.Extent.Offset); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// rest gives back what an idle connection does not need.
func (c *connection) rest(out *outbound) {
	if out.data != nil {
		c.sh.buffers.GiveBack(out.data)
		out.data = nil
	}
	if cap(out.box.Frames) > keepFrames {
		out.box.Frames = nil
	}
}

// answerLeaves reads and hashes pieces for hash requests that reach below the piece layer.
func (c *connection) answerLeaves(ctx context.Context, out *outbound) error {
	content := c.o.Content.Load()
	for _, w := range out.box.Leaves {
		var leaves []metainfo.HashV2
		for piece := w.First; piece < w.End; piece++ {
			var err error
			if leaves, err = c.leaves(ctx, content, out, leaves, piece); err != nil {
				return err
			}
		}
		c.o.Swarm.AnswerHashes(c.id, w, leaves)
	}
	return nil
}

// leaves appends the hashes of a piece's blocks, which are read a buffer at a time: a piece may be large.
func (c *connection) leaves(ctx context.Context, content *Content, out *outbound, leaves []metainfo.HashV2, piece int) ([]metainfo.HashV2, error) {
	if out.data == nil {
		var err error
		if out.data, err = c.sh.buffers.Wait(ctx); err != nil {
			return nil, err
		}
	}
	for at, need := 0, content.Layout.Need(piece); at < need && ctx.Err() == nil; at += portionSize {
		data := (*out.data)[:min(portionSize, need-at)]
		if err := readBlock(content, out, data, bittorrent.Block{Piece: piece, Begin: at}); err != nil {
			c.o.Failed(err)
			return nil, err
		}
		leaves = torrent.AppendLeafHashes(leaves, data)
	}
	return leaves, ctx.Err()
}
