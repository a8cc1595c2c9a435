package mux

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Inbox is a bounded queue of datagrams with the reading half of [netx.PacketConn]. A datagram that comes when the queue is
// full is dropped, as a full socket buffer would. Its slots are reused, so it allocates nothing once warm.
type Inbox struct {
	mu       sync.Mutex
	cond     *sync.Cond
	ring     []datagram
	head, n  int
	dropped  int64
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

type datagram struct {
	data []byte
	from netip.AddrPort
}

// NewInbox makes a queue of at most size datagrams.
func NewInbox(size int) *Inbox {
	q := &Inbox{ring: make([]datagram, max(size, 1))}
	q.cond = sync.NewCond(&q.mu)
	return q
}

// Put appends a copy of p, or drops it when the queue is full or closed.
func (q *Inbox) Put(p []byte, from netip.AddrPort) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if q.n == len(q.ring) {
		q.dropped++
		return
	}
	slot := &q.ring[(q.head+q.n)%len(q.ring)]
	slot.data = append(slot.data[:0], p...)
	slot.from = from
	q.n++
	q.cond.Signal()
}

// ReadFrom waits for the next datagram. See [netx.PacketConn].
func (q *Inbox) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.closed:
			return 0, netip.AddrPort{}, net.ErrClosed
		case !q.deadline.IsZero() && !time.Now().Before(q.deadline):
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
		case q.n > 0:
			slot := &q.ring[q.head]
			q.head = (q.head + 1) % len(q.ring)
			q.n--
			return copy(p, slot.data), slot.from, nil
		}
		q.cond.Wait()
	}
}

// SetReadDeadline bounds waiting. See [netx.PacketConn].
func (q *Inbox) SetReadDeadline(t time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	q.deadline = t
	if !t.IsZero() {
		q.timer = time.AfterFunc(time.Until(t), q.wake)
	}
	q.cond.Broadcast()
	return nil
}

func (q *Inbox) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cond.Broadcast()
}

// Dropped is the number of datagrams that found the queue full.
func (q *Inbox) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Close wakes all readers with net.ErrClosed.
func (q *Inbox) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return net.ErrClosed
	}
	q.closed = true
	q.ring, q.n = nil, 0
	if q.timer != nil {
		q.timer.Stop()
	}
	q.cond.Broadcast()
	return nil
}
