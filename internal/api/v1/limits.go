package v1

import (
	"time"

	"github.com/potluck-p2p/potluck"
)

// Limits are the rates in force for everything together.
type Limits struct {
	Up    int64      `json:"up" doc:"bytes per second; 0 is no limit"`
	Down  int64      `json:"down" doc:"bytes per second; 0 is no limit"`
	Until *time.Time `json:"until,omitzero" doc:"when others begin to hold; left out if they never do"`
}

// Blocking is what the node's block lists have done.
type Blocking struct {
	Ranges   int         `json:"ranges" doc:"blocked ranges of addresses"`
	Lists    []BlockList `json:"lists"`
	Dials    int64       `json:"dials" doc:"connections that the node would have made"`
	Accepts  int64       `json:"accepts" doc:"connections that others would have made"`
	Sent     int64       `json:"sent" doc:"datagrams that the node would have sent"`
	Received int64       `json:"received" doc:"datagrams of blocked addresses, thrown away"`
}

// BlockList is a file of blocked addresses.
type BlockList struct {
	Path       string `json:"path"`
	Ranges     int    `json:"ranges"`
	Allowed    int    `json:"allowed,omitzero" doc:"ranges of a level that is let through"`
	Unreadable int    `json:"unreadable,omitzero" doc:"lines"`
	Error      string `json:"error,omitzero" doc:"why its newest content cannot be read; what was read before holds on"`
}

func limitsOf(l potluck.Limits) Limits { return Limits{l.Up, l.Down, at(l.Until)} }

func blockingOf(b potluck.Blocking, exists bool) *Blocking {
	if !exists {
		return nil
	}
	out := &Blocking{Ranges: b.Ranges, Dials: b.Dials, Accepts: b.Accepts, Sent: b.Sent, Received: b.Received}
	for _, l := range b.Lists {
		list := BlockList{Path: l.Path, Ranges: l.Ranges, Allowed: l.Allowed, Unreadable: l.Unreadable}
		if l.Err != nil {
			list.Error = l.Err.Error()
		}
		out.Lists = append(out.Lists, list)
	}
	return out
}
