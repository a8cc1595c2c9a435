package main

import (
	"time"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/session"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

type doctorCmd struct {
	Wait time.Duration `default:"30s" help:"How long a node that is started for this waits to be sure."`
}

// Help says with what it exits.
func (*doctorCmd) Help() string {
	return "Asks the running node, or starts one for as long as it takes. What it knows grows while a node runs: nothing is asked of servers " +
		"made for it.\n\nExits with 0 if others can connect to you, 5 if they cannot, and 1 if there is no telling."
}

// examineEvery is how often a node that was started for this is asked.
const examineEvery = time.Second

// Run explains what is reachable, what is not, why, and what to do.
func (c *doctorCmd) Run(a *app) error {
	s, err := a.nodes.Node(a.ctx, session.Whole)
	if err != nil {
		return err
	}
	found, err := c.examine(a, s)
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	for _, f := range found.Findings {
		if a.out.JSON {
			a.out.Emit(lines.Finding{Type: "finding", Finding: f})
		} else {
			a.out.Result(words.Finding(f))
		}
	}
	verdict, code := verdictOf(found.Reach)
	a.out.Say("%s", verdict)
	if code != potluck.ExitOK {
		return ending.Exit(code)
	}
	return nil
}

// examine asks a node; one of our own until it knows whether it is reached, or time is up.
func (c *doctorCmd) examine(a *app, s *session.Session) (v1.Checkup, error) {
	found, err := s.Examine(a.ctx)
	if s.Own == nil {
		return found, err
	}
	retry := time.NewTicker(examineEvery)
	defer retry.Stop()
	for began := time.Now(); err == nil && found.Reach == "undecided" && time.Since(began) < c.Wait; {
		select {
		case <-a.ctx.Done():
			return found, ending.Interrupted("run the same command again: nothing was changed")
		case <-retry.C:
		}
		found, err = s.Examine(a.ctx)
	}
	return found, err
}

// verdictOf is the outcome in words, and with what to exit.
func verdictOf(reach string) (string, int) {
	switch reach {
	case "reached":
		return "Others can connect to you.", potluck.ExitOK
	case "blocked":
		return "Nobody can connect to you. You can connect to others as long as something leaves.", potluck.ExitBlocked
	case "not-intended":
		return "Whether others can connect to you was not looked at.", potluck.ExitFailed
	}
	return "Whether others can connect to you is not known yet.", potluck.ExitFailed
}
