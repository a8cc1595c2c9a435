package main

import (
	"path/filepath"

	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
)

type moveCmd struct {
	ID  string `arg:"" help:"An id, a prefix of it, or an info-hash."`
	Dir string `arg:"" help:"The folder to move it to."`
}

// Run moves the files of an object, and prints where they are then.
func (c *moveCmd) Run(a *app) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return ending.Disk("cannot tell where "+c.Dir+" is", err)
	}
	s, err := a.nodes.State(a.ctx)
	if err != nil {
		return err
	}
	o, err := s.Move(a.ctx, c.ID, dir)
	switch {
	case a.ctx.Err() != nil:
		err = ending.Interrupted("potluck ls --json shows where it is")
	case err != nil:
	case a.out.JSON || o.Path == "":
		err = a.changed(o, nil)
	default:
		a.out.Result(o.Path)
	}
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return err
}
