package utp

import (
	"sync"
	"time"
)

// waiter is those who wait for one direction of a connection, until its deadline. The connection's lock guards it.
type waiter struct {
	cond     sync.Cond
	waiting  int
	deadline time.Time
	timer    *time.Timer
}

// wait lets go of the lock until somebody wakes it.
func (w *waiter) wait() {
	w.waiting++
	w.cond.Wait()
	w.waiting--
}

func (w *waiter) wake() {
	if w.waiting > 0 {
		w.cond.Broadcast()
	}
}

// set changes the deadline; the zero time is none.
func (w *waiter) set(now, at time.Time) {
	w.stop()
	w.deadline = at
	if at.After(now) {
		w.timer = time.AfterFunc(at.Sub(now), func() {
			w.cond.L.Lock()
			defer w.cond.L.Unlock()
			w.wake()
		})
	}
	w.wake()
}

func (w *waiter) stop() {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

func (w *waiter) passed(now time.Time) bool { return !w.deadline.IsZero() && !now.Before(w.deadline) }
