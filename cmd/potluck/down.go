package main

import (
	"time"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/api/client"
	"github.com/potluck-p2p/potluck/internal/api/socket"
)

type downCmd struct{}

// downPatience is how long a node may take to end.
const downPatience = 15 * time.Second

// Run ends the node and waits until it answers no more.
func (*downCmd) Run(a *app) error {
	s, err := a.running()
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.Shutdown(a.ctx); err != nil {
		return err
	}
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for began := time.Now(); ; {
		c, err := client.Dial(a.ctx, a.disk, s.cfg.Home, socket.API)
		if a.ctx.Err() != nil {
			return interrupted("the node was told to end")
		}
		if err != nil {
			a.out.say("The node has ended.")
			return nil
		}
		c.Close()
		if time.Since(began) > downPatience {
			return &potluck.Error{
				Code: "still-running", Message: "the node was told to end and still answers", Hint: "look at what it logs, or end its process",
				Exit: potluck.ExitFailed,
			}
		}
		select {
		case <-a.ctx.Done():
		case <-retry.C:
		}
	}
}
