package main

type pauseCmd struct {
	ID string `arg:"" help:"An id, a prefix of it, or an info-hash."`
}

// Run pauses an object of the running node.
func (c *pauseCmd) Run(a *app) error {
	s, err := a.nodes.Running(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return a.changed(s.Pause(a.ctx, c.ID))
}
