package line

import (
	"context"
	"sync"
)

// BufferSize is the length of a large buffer: what the longest message takes, or 256 KiB in blocks of 16 KiB with a header each.
const BufferSize = 260 << 10

// Buffers are the large buffers of all connections together. There is a number of them that is never exceeded: who comes when
// all are leased makes do with a small one, and is slower, or waits. An eighth is for those who wait, since they cannot do without.
type Buffers struct {
	leases  chan struct{} // one for each buffer that is leased,
	reserve chan struct{} // but for these
	pool    sync.Pool     // of *[]byte, each of BufferSize
}

// NewBuffers makes so many.
func NewBuffers(most int) *Buffers {
	reserve := most / 8
	return &Buffers{
		leases:  make(chan struct{}, most-reserve),
		reserve: make(chan struct{}, reserve),
		pool:    sync.Pool{New: func() any { b := make([]byte, BufferSize); return &b }},
	}
}

// Lease takes a buffer; nil if none is left but the reserve.
func (b *Buffers) Lease() *[]byte {
	select {
	case b.leases <- struct{}{}:
		return b.pool.Get().(*[]byte)
	default:
		return nil
	}
}

// Wait takes a buffer, when it is our turn.
func (b *Buffers) Wait(ctx context.Context) (*[]byte, error) {
	select {
	case b.leases <- struct{}{}:
		return b.pool.Get().(*[]byte), nil
	case b.reserve <- struct{}{}:
		return b.pool.Get().(*[]byte), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// GiveBack returns a buffer, to the reserve first.
func (b *Buffers) GiveBack(buffer *[]byte) {
	b.pool.Put(buffer)
	select {
	case <-b.reserve:
	default:
		<-b.leases
	}
}

// Leased is how many are.
func (b *Buffers) Leased() int { return len(b.leases) + len(b.reserve) }

// Scarce reports whether less than a fourth is left.
func (b *Buffers) Scarce() bool { return 4*b.Leased() > 3*(cap(b.leases)+cap(b.reserve)) }
