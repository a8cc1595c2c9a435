package main

type filesCmd struct {
	ID string `arg:"" help:"An id, a prefix of it, or an info-hash."`
}

// Run lists the files of an object.
func (c *filesCmd) Run(a *app) error {
	s, err := a.state()
	if err != nil {
		return err
	}
	defer s.close()
	list, err := s.Files(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if a.out.json {
		for _, f := range list {
			a.out.emit(fileLine{Type: "file", Path: f.Path, Size: f.Size, BytesDone: f.BytesDone, Priority: f.Priority})
		}
		return nil
	}
	if len(list) == 0 {
		a.out.say("The files are not known yet.")
		return nil
	}
	rows := [][]string{{"SIZE", "DONE", "PRIORITY", "PATH"}}
	for _, f := range list {
		done := "100%"
		if f.BytesDone < f.Size {
			done = percent(f.BytesDone, f.Size)
		}
		rows = append(rows, []string{size(f.Size), done, f.Priority, printable(f.Path)})
	}
	a.out.table(rows)
	return nil
}
