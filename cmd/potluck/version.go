package main

import (
	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
)

type versionCmd struct{}

// Run shows the version.
func (*versionCmd) Run(a *app) error {
	if a.out.JSON {
		a.out.Emit(lines.Version{Type: "version", Version: potluck.Version})
		return nil
	}
	a.out.Result("potluck " + potluck.Version)
	return nil
}
