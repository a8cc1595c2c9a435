package main

import (
	"time"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/internal/api/client"
	"github.com/potluck-p2p/potluck/internal/api/socket"
)

type downCmd struct{}

const (
	// downPatience is how long a node may take to end.
	downPatience = 15 * time.Second
	downRetry    = 50 * time.Millisecond
)

// Run ends the node and waits until it answers no more.
func (*downCmd) Run(a *app) error {
	s, err := a.nodes.Running(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Shutdown(a.ctx); err != nil {
		return err
	}
	retry := time.NewTicker(downRetry)
	defer retry.Stop()
	for began := time.Now(); ; {
		c, err := client.Dial(a.ctx, a.disk, s.Config.Home, socket.API)
		if a.ctx.Err() != nil {
			return ending.Interrupted("the node was told to end")
		}
		if err != nil {
			a.out.Say("The node has ended.")
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
