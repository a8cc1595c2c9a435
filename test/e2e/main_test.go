// Package e2e drives the ordinary potluck binary the way a user does, against programs that other people wrote, in a network
// of its own. It knows the command line and nothing else of potluck.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/potluck-p2p/potluck/test/netns"
)

// binaryVar names the binary to test; if it is not set, the one of this source is built.
const binaryVar = "POTLUCK_TEST_BINARY"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var dir string
	defer func() { os.RemoveAll(dir) }()
	return netns.Run(m, func() ([]string, error) {
		if os.Getenv(binaryVar) != "" {
			return nil, nil
		}
		var err error
		if dir, err = os.MkdirTemp("", "potluck-e2e"); err != nil {
			return nil, err
		}
		// Tests that run potluck as another user need to reach it.
		if err := os.Chmod(dir, 0o755); err != nil {
			return nil, err
		}
		binary := filepath.Join(dir, "potluck")
		if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/potluck").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building cmd/potluck: %w\n%s", err, out)
		}
		return []string{binaryVar + "=" + binary}, nil
	})
}
