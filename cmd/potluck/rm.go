package main

import (
	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
)

type rmCmd struct {
	ID          string `arg:"" help:"An id, a prefix of it, or an info-hash."`
	DeleteFiles bool   `help:"Delete its files too. Those of a share are yours and never deleted."`
}

// Run makes the home forget an object.
func (c *rmCmd) Run(a *app) error {
	s, err := a.nodes.State(a.ctx)
	if err != nil {
		return err
	}
	o, err := s.Object(a.ctx, c.ID)
	if err == nil {
		err = s.Remove(a.ctx, o.ID, c.DeleteFiles)
	}
	if err == nil {
		what := "its files stay where they are"
		if c.DeleteFiles {
			what = "its files are deleted"
		}
		a.out.Say("Forgot %s %s: %s.", o.ID, potluck.Printable(words.NameOf(o)), what)
	}
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return err
}
