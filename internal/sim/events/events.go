// Package events is the one line of events that a simulated world lives by: what will happen, in the order of its time, and
// what was planned for one moment in the order it was planned.
package events

import "time"

// Queue holds what will happen. The zero value is empty.
type Queue[T any] struct {
	heap []event[T] // the next one in front
	seq  uint64
}

type event[T any] struct {
	at   time.Duration
	seq  uint64
	what T
}

// Len is how much will happen.
func (q *Queue[T]) Len() int { return len(q.heap) }

// Next is when something happens next. There must be something.
func (q *Queue[T]) Next() time.Duration { return q.heap[0].at }

// Push plans something for a time since the start of the world.
func (q *Queue[T]) Push(at time.Duration, what T) {
	q.seq++
	q.heap = append(q.heap, event[T]{at, q.seq, what})
	h := q.heap
	for i := len(h) - 1; i > 0 && q.before(i, (i-1)/2); i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

// Pop takes out what happens next. There must be something.
func (q *Queue[T]) Pop() (at time.Duration, what T) {
	h := q.heap
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], event[T]{}
	q.heap = h[:last]
	for i := 0; ; {
		next := 2*i + 1
		if next+1 < last && q.before(next+1, next) {
			next++
		}
		if next >= last || !q.before(next, i) {
			return first.at, first.what
		}
		h[i], h[next] = h[next], h[i]
		i = next
	}
}

func (q *Queue[T]) before(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}
