package netx

import (
	"net/netip"
	"testing"
)

// The kernel's own answer is understood: who is bound to loopback has no router.
func TestLoopbackHasNoRouter(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "::1"} {
		if list, err := Gateways(System(Options{Source: netip.MustParseAddr(a)})); err != nil || len(list) != 0 {
			t.Error(a, list, err)
		}
	}
}
