package dht

import (
	"bytes"
	"container/heap"
	"math/rand/v2"
	"time"
)

const (
	// interval is the time between two look-ups of an info-hash that end with announcing it: nodes forget a peer after
	// half an hour.
	interval = 15 * time.Minute
	// soonest is the time after a look-up that brought nothing; it doubles up to interval. Who shares may be about to announce
	// it, or to get in.
	soonest = 15 * time.Second
	// hungry is the time after one that brought not enough.
	hungry = 4 * time.Minute
	// atOnce bounds the look-ups under way.
	atOnce = 16
)

// Schedule decides which info-hash is looked up and announced when. Its clock is handed in; it is not safe for concurrent
// use.
type Schedule struct {
	rng     *rand.Rand
	entries map[[20]byte]*entry
	waiting queue // those that are active and resting
}

// entry is an info-hash.
type entry struct {
	hash    [20]byte
	phase   phase
	active  bool // as opposed to one that ended while it was looked up
	object  Object
	found   bool          // in the look-up under way
	backoff time.Duration // after look-ups in vain
	due     time.Time
}

type phase uint8

const (
	resting phase = iota
	searching
)

// NewSchedule makes an empty schedule.
func NewSchedule(rng *rand.Rand) *Schedule {
	return &Schedule{rng: rng, entries: make(map[[20]byte]*entry)}
}

// Set says what is looked for from now on. What is new is due at once, as is what we have become a seed of.
func (s *Schedule) Set(now time.Time, objects []Object) {
	for _, e := range s.entries {
		e.active = false
	}
	for _, o := range objects {
		for _, hash := range o.Hashes {
			e := s.entries[hash]
			if e == nil {
				e = &entry{hash: hash, due: now}
				s.entries[hash] = e
			}
			if o.Seed && !e.object.Seed || e.object.Unannounced && !o.Unannounced {
				e.due = now // there is something new to tell
			}
			if o.Hungry && !e.object.Hungry && e.due.After(now.Add(hungry)) {
				e.due = now.Add(hungry)
			}
			e.active, e.object = true, o
		}
	}
	for hash, e := range s.entries {
		if !e.active && e.phase == resting {
			delete(s.entries, hash)
		}
	}
	s.line()
}

// line makes the queue anew.
func (s *Schedule) line() {
	clear(s.waiting)
	s.waiting = s.waiting[:0]
	for _, e := range s.entries {
		if e.active && e.phase == resting {
			s.waiting = append(s.waiting, e)
		}
	}
	heap.Init(&s.waiting)
}

// Look is a look-up to be made.
type Look struct {
	Hash     [20]byte
	Seed     bool // we have all of it
	Announce bool // the nodes nearest to it are told of us
}

// Begin takes the info-hash that is due longest, if one is. Ended must follow.
func (s *Schedule) Begin(now time.Time) (look Look, ok bool) {
	if len(s.waiting) == 0 || s.waiting[0].due.After(now) {
		return Look{}, false
	}
	first := heap.Pop(&s.waiting).(*entry)
	first.phase, first.found = searching, false
	return Look{first.hash, first.object.Seed, !first.object.Unannounced}, true
}

// Found notes that the look-up under way has found peers.
func (s *Schedule) Found(hash [20]byte) {
	if e := s.entries[hash]; e != nil {
		e.found = true
	}
}

// Ended notes that a look-up is over, and whether anybody heard it out: took the announce, if there was one.
func (s *Schedule) Ended(now time.Time, hash [20]byte, heard bool) {
	e := s.entries[hash]
	if e == nil {
		return
	}
	e.phase = resting
	if !e.active {
		delete(s.entries, hash)
		return
	}
	wait := interval
	switch {
	case !heard, e.object.Hungry && !e.found:
		e.backoff = min(max(2*e.backoff, soonest), interval)
		wait = e.backoff
	case e.object.Hungry:
		wait, e.backoff = hungry, 0
	default:
		e.backoff = 0
	}
	e.due = now.Add(wait - time.Duration(s.rng.Int64N(int64(wait)/8)))
	heap.Push(&s.waiting, e)
}

// Hurry makes everything due: we have only just got in.
func (s *Schedule) Hurry(now time.Time) {
	for _, e := range s.entries {
		e.due, e.backoff = now, 0
	}
	s.line()
}

// Next is when Begin has something to return; zero while there is nothing to look up.
func (s *Schedule) Next() (next time.Time) {
	if len(s.waiting) == 0 {
		return time.Time{}
	}
	return s.waiting[0].due
}

// queue is a heap of entries: first what is due longest. Thousands of objects wait here, and look-ups begin several times a second.
type queue []*entry

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return bytes.Compare(q[i].hash[:], q[j].hash[:]) < 0
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is heap.Interface's.
func (q *queue) Push(e any) { *q = append(*q, e.(*entry)) }

// Pop is heap.Interface's.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}
