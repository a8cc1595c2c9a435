package scheduler

import (
	"cmp"
	"slices"
	"time"
)

// urgent is how long before a unit's deadline its requests may be duplicated.
const urgent = 2 * time.Second

type deadline struct {
	unit int
	at   time.Time
}

// SetDeadline says when a unit is needed; units with a deadline are asked for before all others, the nearest first.
// The zero time takes the deadline away. A unit that is not wanted is not asked for, deadline or not.
func (s *Scheduler) SetDeadline(unit int, t time.Time) {
	if !s.valid(unit) || s.status[unit].state() == verified {
		return
	}
	s.dropDeadline(unit)
	if t.IsZero() {
		return
	}
	d := deadline{unit, t}
	i, _ := slices.BinarySearchFunc(s.deadlines, d, func(a, b deadline) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.unit, b.unit))
	})
	s.deadlines = slices.Insert(s.deadlines, i, d)
}

func (s *Scheduler) dropDeadline(unit int) {
	s.deadlines = slices.DeleteFunc(s.deadlines, func(d deadline) bool { return d.unit == unit })
}
