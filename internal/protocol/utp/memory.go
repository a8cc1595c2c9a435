package utp

import (
	"math"
	"sync/atomic"
)

const (
	// DefaultMemory is what an endpoint's connections share if nothing is said, in bytes.
	DefaultMemory = 64 << 20
	// least is what each direction of a connection may hold whatever the others do, so that all of them go on: two chunks.
	least = 2 * chunkSize
)

// Memory is how many bytes the connections that share it may hold: what is received and not read, what is written and not
// acknowledged. When it is used up, windows close and writers wait; a direction still has two chunks of 64 KiB, and what came ahead of
// a gap may be held twice for a moment. It is safe for use by many goroutines.
type Memory struct{ left atomic.Int64 }

// NewMemory returns one of so many bytes.
func NewMemory(bytes int) *Memory {
	m := new(Memory)
	m.left.Store(int64(bytes))
	return m
}

// account is what one direction of a connection holds of a memory; without a memory it is not bounded.
type account struct {
	memory *Memory
	held   int // bytes, in chunks
}

func (a *account) take() *chunk {
	a.held += chunkSize
	if a.memory != nil {
		a.memory.left.Add(-chunkSize)
	}
	return chunks.Get().(*chunk)
}

func (a *account) give(c *chunk) {
	a.held -= chunkSize
	if a.memory != nil {
		a.memory.left.Add(chunkSize)
	}
	chunks.Put(c)
}

// room is how many bytes more may be held.
func (a *account) room() int {
	if a.memory == nil {
		return math.MaxInt
	}
	return max(0, int(a.memory.left.Load()), least-a.held)
}
