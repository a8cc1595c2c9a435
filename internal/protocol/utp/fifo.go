package utp

import "sync"

const chunkSize = 64 << 10

type chunk [chunkSize]byte

// chunks are shared by all connections, so that an idle one holds none.
var chunks = sync.Pool{New: func() any { return new(chunk) }}

// fifo holds the bytes [start, end) of a stream.
//
// Invariant: held[i] is for the stream's bytes from (start/chunkSize+i)*chunkSize; nothing is held when start == end.
type fifo struct {
	account    *account
	held       []*chunk
	start, end uint64
}

func (q *fifo) len() int { return int(q.end - q.start) }

// write appends p.
func (q *fifo) write(p []byte) {
	for len(p) > 0 {
		at := q.end % chunkSize
		if at == 0 || len(q.held) == 0 {
			q.held = append(q.held, q.account.take())
		}
		n := copy(q.held[len(q.held)-1][at:], p)
		q.end += uint64(n)
		p = p[n:]
	}
}

// copyAt fills p with the bytes from off on, which must be held.
func (q *fifo) copyAt(p []byte, off uint64) {
	for len(p) > 0 {
		n := copy(p, q.held[off/chunkSize-q.start/chunkSize][off%chunkSize:])
		off += uint64(n)
		p = p[n:]
	}
}

// discard lets go of the bytes before to.
func (q *fifo) discard(to uint64) {
	gone := int(to/chunkSize - q.start/chunkSize)
	if q.start = to; q.start == q.end {
		gone = len(q.held)
	}
	if gone == 0 {
		return
	}
	for _, c := range q.held[:gone] {
		q.account.give(c)
	}
	rest := copy(q.held, q.held[gone:])
	clear(q.held[rest:])
	q.held = q.held[:rest]
}

// read moves the first bytes into p.
func (q *fifo) read(p []byte) int {
	n := min(len(p), q.len())
	q.copyAt(p[:n], q.start)
	q.discard(q.start + uint64(n))
	return n
}

func (q *fifo) clear() { q.discard(q.end) }
