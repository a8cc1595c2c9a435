package main

type lsCmd struct{}

// Run lists the objects of the home.
func (*lsCmd) Run(a *app) error {
	s, err := a.state()
	if err != nil {
		return err
	}
	defer s.close()
	list, err := s.Objects(a.ctx)
	if err != nil {
		return err
	}
	if a.out.json {
		for _, o := range list {
			a.out.emit(objectOf(o))
		}
		return nil
	}
	if len(list) == 0 {
		a.out.say("Nothing is shared or fetched yet.")
		return nil
	}
	rows := [][]string{{"ID", "NAME", "SIZE", "STATE", "DOWN", "UP", "RATIO"}}
	for _, o := range list {
		rows = append(rows, []string{
			o.ID, shorten(printable(nameOf(o)), nameWidth), sizeOf(o.Size), stateOf(o), rate(o.DownRate), rate(o.UpRate), ratio(o.Ratio),
		})
	}
	a.out.table(rows)
	return nil
}
