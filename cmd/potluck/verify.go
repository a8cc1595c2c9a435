package main

import v1 "github.com/potluck-p2p/potluck/internal/api/v1"

type verifyCmd struct {
	ID string `arg:"" help:"An id, a prefix of it, or an info-hash."`
}

// Run reads an object again.
func (c *verifyCmd) Run(a *app) error {
	s, err := a.state()
	if err != nil {
		return err
	}
	p := a.out.progress()
	o, err := s.Verify(a.ctx, c.ID, func(h v1.Hashing) { p.hashing(c.ID, c.ID, h.Done, h.Total) })
	p.end()
	if a.ctx.Err() != nil {
		err = interrupted("run the same command again")
	}
	err = a.changed(o, err)
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return err
}
