package dht_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/test/netns"
)

// apart runs the tests where no packet leaves the machine.
type apart struct{ m *testing.M }

func (a apart) Run() int { return netns.Run(a.m, nil) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(apart{m}) }
