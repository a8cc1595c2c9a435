package rendezvous

import "time"

// rate is how often something may happen: burst times at once, and every so often in the long run.
type rate struct {
	burst int
	every time.Duration
}

// account is when all that happened so far is paid for. The zero value owes nothing.
type account struct{ paid time.Time }

// allows charges an account for one more, unless that is too much.
func (r rate) allows(now time.Time, a *account) bool {
	if a.paid.Before(now) {
		a.paid = now
	}
	if a.paid.Sub(now) > time.Duration(r.burst-1)*r.every {
		return false
	}
	a.paid = a.paid.Add(r.every)
	return true
}
