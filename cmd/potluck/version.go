package main

import "github.com/potluck-p2p/potluck"

type versionCmd struct{}

// Run shows the version.
func (*versionCmd) Run(a *app) error {
	if a.out.json {
		a.out.emit(versionLine{"version", potluck.Version})
		return nil
	}
	a.out.result("potluck " + potluck.Version)
	return nil
}
