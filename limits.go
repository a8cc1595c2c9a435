package potluck

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/schedule"
)

// Period is limits of rate for some hours of some days.
type Period = schedule.Entry

// Limits are the rates in force for everything together, in bytes per second; 0 is no limit. Until is when others begin to
// hold, zero if they never do.
type Limits struct {
	Up, Down int64
	Until    time.Time
}

// Blocking is what the block lists of [Options] have done.
type Blocking struct {
	Ranges int // that are blocked, those that overlap as one
	Lists  []BlockList
	// What was refused so far: connections that we would have made and that others would have made, and datagrams.
	Dials, Accepts, Sent, Received int64
}

// BlockList is a file of blocked addresses.
type BlockList struct {
	Path       string
	Ranges     int   // that it blocks
	Allowed    int   // that it allows
	Unreadable int   // lines
	Err        error // why its newest content cannot be read; what was read before holds on. Nil if it was
}

// Limits says which rates are in force now.
func (n *Node) Limits() Limits { return Limits(n.n.Limits()) }

// Blocking describes the block lists; false without any.
func (n *Node) Blocking() (Blocking, bool) {
	b, ok := n.n.Blocking()
	if !ok {
		return Blocking{}, false
	}
	out := Blocking{Ranges: b.Ranges, Dials: b.Refused.Dials, Accepts: b.Refused.Accepts, Sent: b.Refused.Sent, Received: b.Refused.Received}
	for _, f := range b.Files {
		out.Lists = append(out.Lists, BlockList{f.Path, f.Ranges, f.Allowed, f.Unreadable, f.Err})
	}
	return out, true
}
