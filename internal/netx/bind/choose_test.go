package bind

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/netx"
)

func addrs(list ...string) (a []netip.Addr) {
	for _, s := range list {
		a = append(a, netip.MustParseAddr(s))
	}
	return a
}

func TestChoose(t *testing.T) {
	wg := func(list ...string) []netx.Interface {
		return []netx.Interface{{Name: "eth0", Up: true, Addrs: addrs("192.0.2.1")}, {Name: "wg0", Up: true, Addrs: addrs(list...)}}
	}
	before := netx.Interface{Name: "wg0", Addrs: addrs("10.0.0.2", "2a01::2")}
	for _, c := range []struct {
		name    string
		to      string
		all     []netx.Interface
		want    []netip.Addr
		problem string
	}{
		{"one of each family", "wg0", wg("fe80::1", "10.0.0.1", "fd00::1"), addrs("10.0.0.1", "fd00::1"), ""},
		{"public ones first", "wg0", wg("10.0.0.1", "8.8.4.4", "fd00::1", "2a01::1", "2a01::9"), addrs("8.8.4.4", "2a01::1"), ""},
		{"those of before", "wg0", wg("8.8.4.4", "10.0.0.2", "2a01::1", "2a01::2"), addrs("10.0.0.2", "2a01::2"), ""},
		{"by address", "10.0.0.3", wg("10.0.0.1", "10.0.0.3"), addrs("10.0.0.3"), ""},
		{"by link-local address", "fe80::1", wg("fe80::1"), addrs("fe80::1"), ""},
		{"link-local only", "wg0", wg("fe80::1", "169.254.3.4"), nil, "has no address"},
		{"no address", "wg0", wg(), nil, "has no address"},
		{"gone", "wg1", wg("10.0.0.1"), nil, "is not there"},
		{"address gone", "10.0.0.9", wg("10.0.0.1"), nil, "is no address of this machine"},
		{"down", "wg0", []netx.Interface{{Name: "wg0", Addrs: addrs("10.0.0.1")}}, nil, "is down"},
		{"down, by address", "10.0.0.1", []netx.Interface{{Name: "wg0", Addrs: addrs("10.0.0.1")}}, nil, "is down"},
	} {
		got, problem := choose(c.to, c.all, before)
		if problem != c.problem || !slices.Equal(got.Addrs, c.want) {
			t.Errorf("%s: %v, %q", c.name, got, problem)
		}
	}
}
