package lab

import (
	"os"
	"testing"

	"github.com/potluck-p2p/potluck/test/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Run(m, nil)) }
