package utp

import "time"

// before reports whether sequence number a comes before b, on the circle of 2^16.
func before(a, b uint16) bool { return int16(a-b) < 0 }

// clock makes timestamps of time.
type clock struct{ epoch time.Time }

// micros is the timestamp of now. BEP 29: "This is the 'microseconds' parts of the timestamp of when this packet was sent."
// It is never 0, which others take for none.
func (c clock) micros(now time.Time) uint32 { return max(uint32(now.Sub(c.epoch)/time.Microsecond), 1) }

// earliest is the first of the deadlines that are set.
func earliest(deadlines ...time.Time) time.Time {
	var first time.Time
	for _, t := range deadlines {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// due reports whether a deadline is set and has come.
func due(now, deadline time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }
