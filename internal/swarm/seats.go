package swarm

import "sync/atomic"

// Seats bounds the connections of several swarms together. It is safe for concurrent use; a nil one has no end.
type Seats struct {
	most  int64
	taken atomic.Int64
}

// NewSeats makes as many seats.
func NewSeats(most int) *Seats { return &Seats{most: int64(most)} }

// full reports whether all seats are taken.
func (s *Seats) full() bool { return s != nil && s.taken.Load() >= s.most }

// take takes a seat, if one is free.
func (s *Seats) take() bool {
	if s == nil {
		return true
	}
	if s.taken.Add(1) > s.most {
		s.taken.Add(-1)
		return false
	}
	return true
}

// free gives a seat back.
func (s *Seats) free() {
	if s != nil {
		s.taken.Add(-1)
	}
}
