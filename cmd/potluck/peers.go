package main

import (
	"fmt"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

type peersCmd struct {
	ID string `arg:"" optional:"" help:"An id, a prefix of it, or an info-hash; all objects if there is none."`
}

// Run lists the peers of the running node.
func (c *peersCmd) Run(a *app) error {
	s, err := a.running()
	if err != nil {
		return err
	}
	defer s.close()
	list, err := s.Peers(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if a.out.json {
		for _, p := range list {
			a.out.emit(peerLine{
				Type: "peer", Address: p.Address, Client: p.Client, Network: p.Network, Direct: p.Direct, Punched: p.Punched, Encrypted: p.Encrypted, Key: p.Key, Have: p.Have,
				DownRate: p.DownRate, UpRate: p.UpRate,
			})
		}
		return nil
	}
	if len(list) == 0 {
		a.out.say("Connected to nobody.")
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
			printable(p.Address), shorten(printable(p.Client), nameWidth), printable(p.Network), path, secrecy(p), fmt.Sprintf("%.0f%%", p.Have*100),
			rate(p.DownRate), rate(p.UpRate),
		})
	}
	a.out.table(rows)
	return nil
}

// shortKey is how much of a key is shown: enough to tell peers apart.
const shortKey = 8

// secrecy is what keeps a connection from others: nothing, MSE, or TLS with whoever has the key that begins so.
func secrecy(p v1.Peer) string {
	switch {
	case p.Encrypted == "":
		return "-"
	case p.Key == "":
		return printable(p.Encrypted)
	}
	return printable(p.Encrypted + " " + p.Key[:min(len(p.Key), shortKey)])
}
