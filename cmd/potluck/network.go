package main

import (
	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/session"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// sayClosed tells that nothing can be sent now. What changes from then on, events tell.
func (a *app) sayClosed(s *session.Session) error {
	st, err := s.Status(a.ctx)
	if err != nil {
		return err
	}
	for _, n := range st.Network {
		if n.Problem != "" {
			a.out.Say("Network: %s %s; nothing is sent.", potluck.Printable(n.Via), potluck.Printable(n.Problem))
		}
	}
	return nil
}

// sayNetwork tells of an event, if it is of the network.
func (a *app) sayNetwork(e v1.Event) (told bool) {
	if e.Kind != string(potluck.EventNetwork) {
		return false
	}
	a.out.Say("Network: %s.", potluck.Printable(e.Text))
	return true
}
