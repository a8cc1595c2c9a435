package main

import (
	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
)

type lsCmd struct{}

// Run lists the objects of the home.
func (*lsCmd) Run(a *app) error {
	s, err := a.nodes.State(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := s.Objects(a.ctx)
	if err != nil {
		return err
	}
	if a.out.JSON {
		for _, o := range list {
			a.out.Emit(lines.ObjectOf(o))
		}
		return nil
	}
	if len(list) == 0 {
		a.out.Say("Nothing is shared or fetched yet.")
		return nil
	}
	rows := [][]string{{"ID", "NAME", "SIZE", "STATE", "DOWN", "UP", "RATIO"}}
	for _, o := range list {
		rows = append(rows, []string{
			o.ID, words.Shorten(potluck.Printable(words.NameOf(o)), words.NameWidth), words.SizeOf(o.Size), words.StateOf(o), words.Rate(o.DownRate), words.Rate(o.UpRate), words.Ratio(o.Ratio),
		})
	}
	a.out.Table(rows)
	return nil
}
