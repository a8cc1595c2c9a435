package main

import (
	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
)

type filesCmd struct {
	ID string `arg:"" help:"An id, a prefix of it, or an info-hash."`
}

// Run lists the files of an object.
func (c *filesCmd) Run(a *app) error {
	s, err := a.nodes.State(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := s.Files(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if a.out.JSON {
		for _, f := range list {
			a.out.Emit(lines.File{Type: "file", Path: f.Path, Size: f.Size, BytesDone: f.BytesDone, Priority: f.Priority})
		}
		return nil
	}
	if len(list) == 0 {
		a.out.Say("The files are not known yet.")
		return nil
	}
	rows := [][]string{{"SIZE", "DONE", "PRIORITY", "PATH"}}
	for _, f := range list {
		done := "100%"
		if f.BytesDone < f.Size {
			done = words.Percent(f.BytesDone, f.Size)
		}
		rows = append(rows, []string{words.Size(f.Size), done, f.Priority, potluck.Printable(f.Path)})
	}
	a.out.Table(rows)
	return nil
}
