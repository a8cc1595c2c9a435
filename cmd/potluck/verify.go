package main

import v1 "github.com/potluck-p2p/potluck/internal/api/v1"

type verifyCmd struct {
	ID     string `arg:"" help:"An id, a prefix of it, or an info-hash."`
	Accept bool   `help:"Take what a share is now as its new version; it has another link then."`
}

// Run reads an object again.
func (c *verifyCmd) Run(a *app) error {
	s, err := a.state()
	if err != nil {
		return err
	}
	p := a.out.progress()
	read := s.Verify
	if c.Accept {
		read = s.Accept
	}
	o, err := read(a.ctx, c.ID, func(h v1.Hashing) { p.hashing(c.ID, c.ID, h.Done, h.Total) })
	p.end()
	if a.ctx.Err() != nil {
		err = interrupted("run the same command again")
	}
	if c.Accept && err == nil {
		a.accepted(o)
	} else {
		err = a.changed(o, err)
	}
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return err
}

// accepted shows a share that is another now, as share does.
func (a *app) accepted(o v1.Object) {
	if a.out.json {
		a.out.emit(sharedOf(o))
		return
	}
	a.out.result(o.Link)
}
