package main

import (
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck"
)

func TestVerdicts(t *testing.T) {
	for reach, want := range map[string]int{"reached": potluck.ExitOK, "blocked": potluck.ExitBlocked, "undecided": potluck.ExitFailed, "not-intended": potluck.ExitFailed} {
		if text, code := verdictOf(reach); code != want || text == "" {
			t.Errorf("%s: %q, exit %d, want %d", reach, text, code, want)
		}
	}
}

// TestDoctorOfItsOwnNode: with no node running one is started, and offline there is no telling.
func TestDoctorOfItsOwnNode(t *testing.T) {
	r := newEnvironment(t).potluck(t, "doctor", "--json")
	if r.code != potluck.ExitFailed || !strings.Contains(r.stdout, `{"type":"finding","subject":"reach","level":"unknown"`) ||
		!strings.Contains(r.stdout, `"subject":"home","level":"ok"`) || !strings.Contains(r.stderr, "not looked at") {
		t.Errorf("exit %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
}
