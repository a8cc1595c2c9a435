package main

import (
	"fmt"
	"strings"

	"github.com/potluck-p2p/potluck"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// networkText is a line for each part of the only way by which the node sends.
func networkText(parts []v1.Network) string {
	var b strings.Builder
	for _, n := range parts {
		fmt.Fprintf(&b, "\nNetwork  %s", printable(n.Via))
		switch {
		case n.Problem != "":
			fmt.Fprintf(&b, " %s; nothing is sent", printable(n.Problem))
		case n.TCPOnly != "":
			fmt.Fprintf(&b, ", TCP only: %s", printable(n.TCPOnly))
		default:
			b.WriteString(", and no other way")
		}
	}
	return b.String()
}

// sayClosed tells that nothing can be sent now. What changes from then on, events tell.
func (a *app) sayClosed(s *session) error {
	st, err := s.Status(a.ctx)
	if err != nil {
		return err
	}
	for _, n := range st.Network {
		if n.Problem != "" {
			a.out.say("Network: %s %s; nothing is sent.", printable(n.Via), printable(n.Problem))
		}
	}
	return nil
}

// sayNetwork tells of an event, if it is of the network.
func (a *app) sayNetwork(e v1.Event) (told bool) {
	if e.Kind != string(potluck.EventNetwork) {
		return false
	}
	a.out.say("Network: %s.", printable(e.Text))
	return true
}
