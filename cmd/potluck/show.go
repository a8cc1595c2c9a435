package main

import (
	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// changed shows an object after a command has changed it.
func (a *app) changed(o v1.Object, err error) error {
	if err != nil {
		return err
	}
	if a.out.JSON {
		a.out.Emit(lines.ObjectOf(o))
		return nil
	}
	a.out.Say("%s %s: %s", o.ID, potluck.Printable(words.NameOf(o)), words.StateOf(o))
	return nil
}
