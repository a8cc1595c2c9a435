package main

import "path/filepath"

type moveCmd struct {
	ID  string `arg:"" help:"An id, a prefix of it, or an info-hash."`
	Dir string `arg:"" help:"The folder to move it to."`
}

// Run moves the files of an object, and prints where they are then.
func (c *moveCmd) Run(a *app) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return diskError("cannot tell where "+c.Dir+" is", err)
	}
	s, err := a.state()
	if err != nil {
		return err
	}
	o, err := s.Move(a.ctx, c.ID, dir)
	switch {
	case a.ctx.Err() != nil:
		err = interrupted("potluck ls --json shows where it is")
	case err != nil:
	case a.out.json || o.Path == "":
		err = a.changed(o, nil)
	default:
		a.out.result(o.Path)
	}
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return err
}
