package main

import (
	"context"
	"fmt"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/session"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// reaches tells of what was shared whether others find it: when it is known, and when that changes.
type reaches struct {
	*app
	shared map[string]string // what was told last, by id
}

// follow tells until the user interrupts.
func (r *reaches) follow(s *session.Session) {
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
	if r.out.JSON {
		r.out.Emit(lines.Reach{Type: "reach", ID: o.ID, Reach: *o.Reach})
		return
	}
	of := "DHT"
	if len(r.shared) > 1 {
		of = potluck.Printable(words.NameOf(o)) + ": DHT"
	}
	r.out.Say("%s: %s", of, words.Reach(o.Reach))
	if o.Reach.Hint != "" {
		r.out.Say("  Fix: %s", potluck.Printable(o.Reach.Hint))
	}
}
