package bittorrent

import (
	"context"
	"net"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// writePatience is how long a peer may take none of what we send.
const writePatience = 60 * time.Second

// outbound is what a writer keeps between writes.
type outbound struct {
	box     swarm.Outbox
	headers []byte
	vector  net.Buffers
	data    *[]byte // leased while payload flows
	reads   []torrent.Segment
}

// write is the outbound flow: the swarm's frames and grants, payload read by the store, one writev.
func (c *connection) write(ctx context.Context) error {
	out := &outbound{}
	defer func() { c.releaseOut(out) }()
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
		timer.Reset(max(0, next.Sub(c.sh.cfg.Now())))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
		case <-timer.C:
			if next, err = c.o.Swarm.Tick(c.sh.cfg.Now(), c.id); err != nil {
				return err
			}
		}
	}
}

// send writes until nothing waits.
func (c *connection) send(ctx context.Context, out *outbound) error {
	for {
		now := c.sh.cfg.Now()
		if err := c.o.Swarm.Outbound(now, c.id, &out.box, c.portion()); err != nil {
			return err
		}
		if len(out.box.Frames) == 0 && len(out.box.Uploads) == 0 && len(out.box.Leaves) == 0 {
			c.releaseOut(out)
			return nil
		}
		payload, err := c.gather(out)
		if err != nil {
			c.o.Failed(err)
			return err
		}
		if payload > 0 {
			if err := sleep(ctx, c.o.Up.Take(now, payload)); err != nil {
				return err
			}
		}
		c.conn.SetWriteDeadline(time.Now().Add(writePatience))
		vector := out.vector
		if _, err := vector.WriteTo(c.conn); err != nil {
			return err
		}
		if err := c.answerLeaves(out.box.Leaves); err != nil {
			return err
		}
	}
}

// portion is how much payload is sent at once: little where the rate is low, so that it flows evenly.
func (c *connection) portion() int {
	portion := bufferSize
	for _, l := range c.o.Up {
		if r := l.Rate(); r > 0 {
			portion = min(portion, max(wire.MetadataBlock, int(r/8)))
		}
	}
	return portion
}

// gather lays out what is to be sent: frames, then each block behind its header. Blocks that follow each other are read at
// once.
func (c *connection) gather(out *outbound) (payload int, err error) {
	out.vector = out.vector[:0]
	if len(out.box.Frames) > 0 {
		out.vector = append(out.vector, out.box.Frames)
	}
	uploads := out.box.Uploads
	if len(uploads) == 0 {
		return 0, nil
	}
	for _, b := range uploads {
		payload += b.Length
	}
	data := c.payloadBuffer(out, payload)
	out.headers = out.headers[:0]
	if room := len(uploads) * wire.PieceHeaderSize; cap(out.headers) < room {
		out.headers = make([]byte, 0, room)
	}
	content := c.o.Content.Load()
	for len(uploads) > 0 {
		run, n := adjacent(uploads)
		if err := readBlock(content, out, data[:n], uploads[0]); err != nil {
			return 0, err
		}
		for _, b := range uploads[:run] {
			at := len(out.headers)
			out.headers = wire.AppendPieceHeader(out.headers, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
			out.vector = append(out.vector, out.headers[at:], data[:b.Length])
			data = data[b.Length:]
		}
		uploads = uploads[run:]
	}
	return payload, nil
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

func (c *connection) payloadBuffer(out *outbound, n int) []byte {
	if n > bufferSize {
		return make([]byte, n)
	}
	if out.data == nil {
		out.data = c.sh.buffers.Get().(*[]byte)
	}
	return (*out.data)[:n]
}

func (c *connection) releaseOut(out *outbound) {
	if out.data != nil {
		c.sh.buffers.Put(out.data)
		out.data = nil
	}
}

// answerLeaves reads and hashes pieces for hash requests that reach below the piece layer.
func (c *connection) answerLeaves(requests []swarm.LeafWork) error {
	content := c.o.Content.Load()
	for _, w := range requests {
		var leaves []metainfo.HashV2
		for piece := w.First; piece < w.End; piece++ {
			data := make([]byte, content.Layout.Need(piece))
			if err := readBlock(content, &outbound{}, data, bittorrent.Block{Piece: piece}); err != nil {
				c.o.Failed(err)
				return err
			}
			leaves = torrent.AppendLeafHashes(leaves, data)
		}
		c.o.Swarm.AnswerHashes(c.id, w, leaves)
	}
	return nil
}
