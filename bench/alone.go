package bench

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

// alone measures a program over so many bytes, from its start to its end.
func alone(t *testing.T, name string, bytes int64, args ...string) (Run, error) {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skip("not installed: " + args[0])
	}
	began := time.Now()
	p := peers.StartProcess(t, name, exec.Command(args[0], args[1:]...))
	m := Watch()
	m.AddNew(p)
	ended := true
	select {
	case <-p.Done():
	case <-time.After(Limit):
		ended = false
	}
	run := Run{Wall: time.Since(began), Bytes: bytes, Sides: m.Stop()}
	switch {
	case !ended:
		return Run{}, fmt.Errorf("in %v", Limit)
	case p.ExitCode() != 0:
		return Run{}, fmt.Errorf("it failed: %s", p.LogTail(500))
	}
	return run, nil
}
