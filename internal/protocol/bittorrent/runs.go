package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// runs is the extension of our own by which neighbouring blocks travel in one frame (see package peer). It is a matter of frames
// alone: requests are kept, counted, answered and taken back block by block.
type runs struct {
	most int   // the longest run, in bytes; 0: both sides have not agreed on runs
	last Block // what the request at the end of out is about, which may still grow
	end  int   // the length of out then
}

// agree takes what both sides have told.
func (r *runs) agree(ours, theirs int) {
	r.most = min(ours, theirs) / BlockSize * BlockSize
	if r.most <= BlockSize {
		r.most = 0
	}
}

// IsRun reports whether a message stands for several about blocks, by [peer.Message.Cut].
func (c *Conversation) IsRun(m *peer.Message) bool {
	switch m.Type {
	case peer.Request, peer.Cancel, peer.Reject:
		return m.Length > BlockSize && int64(m.Length) <= int64(c.runs.most)
	}
	return false
}

// ask appends a request, or has the one before it reach further.
func (c *Conversation) ask(b Block) {
	r := &c.runs
	if r.end > 0 && r.end == len(c.out) && extends(r.last, b, r.most) {
		b.Begin, b.Length = r.last.Begin, r.last.Length+b.Length
		c.out = c.out[:r.end-peer.RequestSize]
	}
	c.out = peer.AppendRequest(c.out, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
	r.last, r.end = b, len(c.out)
}

// extends reports whether next may travel with what is before it in a run of most bytes. Only whole blocks are followed by others.
func extends(before, next Block, most int) bool {
	return next.Piece == before.Piece && next.Begin == before.Begin+before.Length && before.Length%BlockSize == 0 &&
		next.Length <= BlockSize && before.Length+next.Length <= most
}

// runTime is how long a run may take to be sent: while it is under way nobody else is asked for its blocks.
const runTime = 250 * time.Millisecond

// join appends blocks to be sent, neighbours as one.
func (c *Conversation) join(now time.Time, dst, blocks []Block) []Block {
	most := min(c.runs.most, int(c.UpRate(now)*runTime.Seconds()))
	at := len(dst)
	for _, b := range blocks {
		if n := len(dst); n > at && extends(dst[n-1], b, most) {
			dst[n-1].Length += b.Length
		} else {
			dst = append(dst, b)
		}
	}
	return dst
}
