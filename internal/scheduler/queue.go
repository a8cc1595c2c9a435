package scheduler

import (
	"iter"
	"time"
)

// queue is a source's unanswered requests in the order they were made. Most are answered in that order, so an answer
// is looked for from the front; one found further back leaves a gap, and gaps are closed when they outnumber requests.
type queue struct {
	items []Request
	head  int
	gaps  int
}

var gap = Request{-1, -1}

func (q *queue) len() int { return len(q.items) - q.head - q.gaps }

func (q *queue) push(r Request) {
	if q.head > 64 && q.head > len(q.items)/2 || q.gaps > 64 && q.gaps > q.len() {
		q.compact()
	}
	q.items = append(q.items, r)
}

// remove takes out a request and reports whether it was there.
func (q *queue) remove(r Request) bool {
	for i := q.head; i < len(q.items); i++ {
		if q.items[i] != r {
			continue
		}
		q.items[i] = gap
		q.gaps++
		for q.head < len(q.items) && q.items[q.head] == gap {
			q.head++
			q.gaps--
		}
		if q.head == len(q.items) {
			q.items, q.head = q.items[:0], 0
		}
		return true
	}
	return false
}

// first is the oldest request.
func (q *queue) first() (Request, bool) {
	if q.head == len(q.items) {
		return Request{}, false
	}
	return q.items[q.head], true
}

func (q *queue) all() iter.Seq[Request] {
	return func(yield func(Request) bool) {
		for _, r := range q.items[q.head:] {
			if r != gap && !yield(r) {
				return
			}
		}
	}
}

func (q *queue) compact() {
	n := 0
	for _, r := range q.items[q.head:] {
		if r != gap {
			q.items[n] = r
			n++
		}
	}
	q.items, q.head, q.gaps = q.items[:n], 0, 0
}

// pace measures how long a source takes for one block while it has something to do.
type pace struct {
	perBlock time.Duration // 0 until measured
	start    time.Duration // of the current sample
	blocks   int           // arrived in it
}

const (
	paceSample  = 250 * time.Millisecond
	paceUnknown = 50 * time.Millisecond
)

// busy starts a sample: the source was idle and has been asked for something.
func (p *pace) busy(now time.Duration) { p.start, p.blocks = now, 0 }

// arrived counts a block; last says that nothing else is outstanding, which ends the sample.
func (p *pace) arrived(now time.Duration, last bool) {
	p.blocks++
	took := now - p.start
	if took < paceSample && !(last && p.perBlock == 0) {
		return
	}
	sample := max(took/time.Duration(p.blocks), time.Microsecond)
	if p.perBlock == 0 {
		p.perBlock = sample
	} else {
		p.perBlock = (p.perBlock + sample) / 2
	}
	p.busy(now)
}

// block is the time expected for one block.
func (p *pace) block() time.Duration {
	if p.perBlock == 0 {
		return paceUnknown
	}
	return p.perBlock
}
