package main

import (
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
)

type statusCmd struct{}

// Run shows how the running node is.
func (*statusCmd) Run(a *app) error {
	s, err := a.nodes.Running(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	st, err := s.Status(a.ctx)
	if err != nil {
		return err
	}
	if a.out.JSON {
		a.out.Emit(lines.Status{Type: "status", Status: st})
		return nil
	}
	a.out.Result(words.Status(st, a.out.Verbose))
	return nil
}
