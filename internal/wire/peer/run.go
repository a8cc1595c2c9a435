package peer

import (
	"iter"
	"math"
)

// MaxRun is the longest run of blocks, in bytes, that one message may be about: between two who have both told a Run.
const MaxRun = 256 << 10

// Cut yields a message about a run of bytes (Request, Cancel, Reject, Piece) as the messages about its blocks that it stands
// for: each of size bytes, but the last. Of nothing there is one, of no bytes. Where a run would reach beyond what 32 bits can name,
// its blocks begin at the last byte that has a name, where no block is.
func (m *Message) Cut(size uint32) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		block := *m
		for left := m.Length; ; left -= block.Length {
			block.Length = min(left, size)
			if !yield(block) || left == block.Length {
				return
			}
			block.Begin += min(block.Length, math.MaxUint32-block.Begin)
		}
	}
}
