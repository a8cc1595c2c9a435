package utp_test

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// A Conn does all that one of package net does.
func TestConforms(t *testing.T) {
	_, a, b := two(t, netxtest.Link{})
	defer a.stop(t)
	defer b.stop(t)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = pair(t, a, b)
		return c1, c2, func() { _, _ = c1.Close(), c2.Close() }, nil
	})
}
