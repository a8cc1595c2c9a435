package v1

import (
	"testing"

	"github.com/potluck-p2p/potluck"
)

// TestStateName: whoever waits for a turn is not counted as paused, which only the user does.
func TestStateName(t *testing.T) {
	for want, o := range map[string]potluck.Object{
		"paused":  {State: potluck.Paused},
		"queued":  {State: potluck.Paused, Queued: true},
		"seeding": {State: potluck.Seeding},
	} {
		if got := stateName(o); got != want {
			t.Errorf("%+v counts as %s, want %s", o, got, want)
		}
	}
}
