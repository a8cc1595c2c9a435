package main

type resumeCmd struct {
	ID string `arg:"" help:"An id, a prefix of it, or an info-hash."`
}

// Run has the running node take an object up again.
func (c *resumeCmd) Run(a *app) error {
	s, err := a.nodes.Running(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return a.changed(s.Resume(a.ctx, c.ID))
}
