package bind

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/test/netns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(inNamespace{m}) }

// inNamespace runs the tests in a network of their own, if it can.
type inNamespace struct{ m *testing.M }

func (n inNamespace) Run() int { return netns.Run(n.m, nil) }
