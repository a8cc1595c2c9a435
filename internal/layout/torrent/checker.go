package torrent

import (
	"bytes"
	"crypto/sha1"
	"hash"
	"sync"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Checker hashes one piece while its blocks arrive, in any order and from many goroutines, so that each is hashed while
// it is still in the processor's cache: v2 leaves at once, SHA-1 as soon as all blocks before are there.
type Checker struct {
	h    *Hashes
	data func(block int) []byte

	piece  int
	blocks int
	v1     bool // checked by SHA-1, decided when the piece is begun

	mu      sync.Mutex
	arrived content.Bitmap
	leaves  []metainfo.HashV2 // v2: by block

	sha     hash.Hash // v1: over blocks 0 to next-1
	next    int
	busy    bool // a goroutine is hashing and will go on as far as it can
	restart bool // a block below next was written again
}

// NewChecker makes a checker for a piece. data gives the bytes of a block that was written, which must stay as they are
// until Finish has returned.
func (h *Hashes) NewChecker(piece int, data func(block int) []byte) *Checker {
	c := &Checker{h: h}
	c.Reset(piece, data)
	return c
}

// Reset makes the checker ready for another piece, and forgets everything about the last. Nobody may be using it.
func (c *Checker) Reset(piece int, data func(block int) []byte) {
	c.data = data
	c.piece, c.blocks = piece, c.h.l.Blocks(piece)
	want, known := c.h.expect(piece)
	c.v1 = known && !want.v2
	c.arrived = content.NewBitmap(c.blocks)
	c.next, c.busy, c.restart = 0, false, false
	if !c.v1 {
		if cap(c.leaves) < c.blocks {
			c.leaves = make([]metainfo.HashV2, c.blocks)
		}
		c.leaves = c.leaves[:c.blocks]
		return
	}
	if c.sha == nil {
		c.sha = sha1.New()
	}
	c.sha.Reset()
}

// Write hashes a block that has just arrived. Writing it again replaces it.
func (c *Checker) Write(block int) {
	if block < 0 || block >= c.blocks {
		return
	}
	if c.v1 {
		c.writeV1(block)
		return
	}
	leaf := LeafHash(c.data(block))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaves[block] = leaf
	c.arrived.Set(block)
}

// writeV1 notes the block and, unless another goroutine is at it, hashes on as far as blocks are there. The lock is not
// held while hashing, so no connection waits for another's block.
func (c *Checker) writeV1(block int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived.Set(block)
	// While busy, the block at next may be half hashed already.
	if block < c.next || c.busy && block == c.next {
		c.restart = true
	}
	if c.busy {
		return
	}
	c.busy = true
	for {
		if c.restart {
			c.sha.Reset()
			c.next, c.restart = 0, false
		}
		if !c.arrived.Has(c.next) {
			break
		}
		block := c.next
		c.mu.Unlock()
		c.sha.Write(c.data(block))
		c.mu.Lock()
		c.next++
	}
	c.busy = false
}

// Finish tells whether the piece is right. All Write calls must have returned; a block that was never written is asked
// for and hashed now. After a verdict that names bad blocks they can be written again and the piece finished again.
func (c *Checker) Finish() Verdict {
	want, known := c.h.expect(c.piece)
	if !known {
		return Verdict{Unknown: true}
	}
	if c.v1 {
		if c.finishV1() {
			return Verdict{OK: true}
		}
		return c.h.failed(c.piece, c.Leaves())
	}
	leaves := c.Leaves()
	if want.v2 && subtreeRoot(leaves, want.height, 0) == want.root {
		return Verdict{OK: true}
	}
	return c.h.failed(c.piece, leaves)
}

// finishV1 compares with the SHA-1 of the piece, also when the v2 hash has become known meanwhile.
func (c *Checker) finishV1() bool {
	for ; c.next < c.blocks; c.next++ {
		c.sha.Write(c.data(c.next))
		c.arrived.Set(c.next)
	}
	writeZeros(c.sha, int64(c.h.l.PieceSize(c.piece)-c.h.l.Need(c.piece)))
	var sum [sha1.Size]byte
	ok := bytes.Equal(c.sha.Sum(sum[:0]), c.h.v1[c.piece*sha1.Size:][:sha1.Size])
	// Padding has been hashed, so the state is of no use for a second try.
	c.sha.Reset()
	c.next = 0
	return ok
}

// Leaves is the LeafHash of each block of the piece, computed now where that was not done yet. All Write calls must have
// returned.
func (c *Checker) Leaves() []metainfo.HashV2 {
	if c.v1 {
		leaves := make([]metainfo.HashV2, c.blocks)
		for b := range leaves {
			leaves[b] = LeafHash(c.data(b))
		}
		return leaves
	}
	for b := range c.blocks {
		if !c.arrived.Has(b) {
			c.leaves[b] = LeafHash(c.data(b))
			c.arrived.Set(b)
		}
	}
	return append([]metainfo.HashV2(nil), c.leaves...)
}
