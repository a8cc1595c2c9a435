package main

type resumeCmd struct {
	ID string `arg:"" help:"An id, a prefix of it, or an info-hash."`
}

// Run has the running node take an object up again.
func (c *resumeCmd) Run(a *app) error {
	s, err := a.running()
	if err != nil {
		return err
	}
	defer s.close()
	return a.changed(s.Resume(a.ctx, c.ID))
}
