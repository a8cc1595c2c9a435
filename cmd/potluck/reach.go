package main

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// reaches tells of what was shared whether others find it: when it is known, and when that changes.
type reaches struct {
	*app
	shared map[string]string // what was told last, by id
}

// follow tells until the user interrupts.
func (r *reaches) follow(s *session) {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	if news, err := s.Events(ctx); err == nil {
		// What was known before the events began is told first.
		_ = r.sayClosed(s) // a node that does not answer has no events either
		if list, err := s.Objects(ctx); err == nil {
			for _, o := range list {
				r.see(o)
			}
		}
		for e, err := range news {
			if err != nil {
				break
			}
			if !r.sayNetwork(e) {
				r.see(e.Object)
			}
		}
	}
	<-r.ctx.Done()
}

// see tells of an object, unless it is known already.
func (r *reaches) see(o v1.Object) {
	was, ours := r.shared[o.ID]
	if !ours || o.Reach == nil {
		return
	}
	is := fmt.Sprint(o.Reach.Found, o.Reach.Code)
	if is == was {
		return
	}
	r.shared[o.ID] = is
	if r.out.json {
		r.out.emit(reachLine{Type: "reach", ID: o.ID, Reach: *o.Reach})
		return
	}
	of := "DHT"
	if len(r.shared) > 1 {
		of = printable(nameOf(o)) + ": DHT"
	}
	r.out.say("%s: %s", of, reachText(o.Reach))
	if o.Reach.Hint != "" {
		r.out.say("  Fix: %s", printable(o.Reach.Hint))
	}
}

// reachText says whether others find a share. It claims no more than that they find it: whether they can connect is not known.
func reachText(r *v1.Reach) string {
	if !r.Found || r.Seconds == nil {
		return "not found by other nodes: " + printable(r.Why)
	}
	text := fmt.Sprintf("found by other nodes in %.1f s", *r.Seconds)
	if r.Why != "" {
		text += "; but " + printable(r.Why)
	}
	return text
}

// crowdText says about how many have it, if that was said.
func crowdText(r *v1.Reach) string {
	if r.Seeders == nil || r.Leechers == nil {
		return ""
	}
	return fmt.Sprintf(", about %s and %s", counted(*r.Seeders, "seed"), counted(*r.Leechers, "leecher"))
}

// checkedText says how long ago that was found out.
func checkedText(r *v1.Reach) string {
	if r.Checked == nil {
		return ""
	}
	return fmt.Sprintf(" (%s ago)", clock(time.Since(*r.Checked).Seconds()))
}
