package main

import (
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

type verifyCmd struct {
	ID     string `arg:"" help:"An id, a prefix of it, or an info-hash."`
	Accept bool   `help:"Take what a share is now as its new version; it has another link then."`
}

// Run reads an object again.
func (c *verifyCmd) Run(a *app) error {
	s, err := a.nodes.State(a.ctx)
	if err != nil {
		return err
	}
	p := a.out.Progress()
	read := s.Verify
	if c.Accept {
		read = s.Accept
	}
	o, err := read(a.ctx, c.ID, func(h v1.Hashing) { p.Hashing(c.ID, c.ID, h.Done, h.Total) })
	p.End()
	if a.ctx.Err() != nil {
		err = ending.Interrupted("run the same command again")
	}
	if c.Accept && err == nil {
		a.accepted(o)
	} else {
		err = a.changed(o, err)
	}
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return err
}

// accepted shows a share that is another now, as share does.
func (a *app) accepted(o v1.Object) {
	if a.out.JSON {
		a.out.Emit(lines.SharedOf(o))
		return
	}
	a.out.Result(o.Link)
}
