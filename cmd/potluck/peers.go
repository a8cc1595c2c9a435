package main

import (
	"fmt"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
)

type peersCmd struct {
	ID string `arg:"" optional:"" help:"An id, a prefix of it, or an info-hash; all objects if there is none."`
}

// Run lists the peers of the running node.
func (c *peersCmd) Run(a *app) error {
	s, err := a.nodes.Running(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := s.Peers(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if a.out.JSON {
		for _, p := range list {
			a.out.Emit(lines.Peer{
				Type: "peer", Address: p.Address, Client: p.Client, Network: p.Network, Direct: p.Direct, Punched: p.Punched, Encrypted: p.Encrypted, Key: p.Key, Have: p.Have,
				DownRate: p.DownRate, UpRate: p.UpRate,
			})
		}
		return nil
	}
	if len(list) == 0 {
		a.out.Say("Connected to nobody.")
		return nil
	}
	rows := [][]string{{"PEER", "CLIENT", "VIA", "PATH", "SECRET", "HAVE", "DOWN", "UP"}}
	for _, p := range list {
		path := "relayed"
		switch {
		case p.Punched:
			path = "punched"
		case p.Direct:
			path = "direct"
		}
		rows = append(rows, []string{
			potluck.Printable(p.Address), words.Shorten(potluck.Printable(p.Client), words.NameWidth), potluck.Printable(p.Network), path, words.Secrecy(p), fmt.Sprintf("%.0f%%", p.Have*100),
			words.Rate(p.DownRate), words.Rate(p.UpRate),
		})
	}
	a.out.Table(rows)
	return nil
}
