package netx_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

func TestIsLocal(t *testing.T) {
	subnets := []netip.Prefix{
		netip.MustParsePrefix("5.6.7.0/24"), netip.MustParsePrefix("2a00:1:2:3::/64"), netip.MustParsePrefix("0.0.0.0/0"),
	}
	for addr, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.9.9": true, "::ffff:192.168.9.9": true,
		"169.254.7.7": true, "fe80::1": true, "fe80::1%eth0": true, "fd12::1": true,
		"5.6.7.200": true, "5.6.8.200": false, "2a00:1:2:3:4::1": true, "2a00:1:2:4::1": false,
		"100.64.0.1": false, "198.18.0.1": false, "200::1": false, "8.8.8.8": false, "169.254.169.254": false, "0.0.0.0": false,
	} {
		if got := netx.IsLocal(netip.MustParseAddr(addr), subnets); got != want {
			t.Errorf("%s is local: %v", addr, got)
		}
	}
	if netx.IsLocal(netip.Addr{}, subnets) {
		t.Error("no address is local")
	}
}

func TestLocalNetworkFollowsTheMachine(t *testing.T) {
	w := netxtest.NewWorld(1)
	h := w.Host("5.6.7.8")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	moving := &moving{Network: h}
	l := netx.NewLocalNetwork(moving, func() time.Time { return now })
	neighbour := netip.MustParseAddr("5.6.7.9")
	if !l.Has(neighbour) {
		t.Fatal("a neighbour is not local")
	}
	moving.gone = true
	if !l.Has(neighbour) {
		t.Error("the system is asked again at once")
	}
	now = now.Add(time.Minute)
	if l.Has(neighbour) {
		t.Error("who was a neighbour before we moved is local")
	}
}

// moving is a machine that leaves its network.
type moving struct {
	netx.Network
	gone bool
}

func (m *moving) Subnets() ([]netip.Prefix, error) {
	if m.gone {
		return nil, nil
	}
	return m.Network.Subnets()
}

func TestNothingIsLocalBehindAProxy(t *testing.T) {
	l := netx.NewLocalNetwork(proxied{netxtest.NewWorld(1).Host("5.6.7.8")}, time.Now)
	for _, a := range []string{"5.6.7.9", "127.0.0.1", "10.0.0.1"} {
		if l.Has(netip.MustParseAddr(a)) {
			t.Errorf("%s is local", a)
		}
	}
}

// proxied is a network at whose far end names are looked up.
type proxied struct{ netx.Network }

func (proxied) DialName(context.Context, string, uint16) (net.Conn, error) { return nil, net.ErrClosed }

func TestSubnetsOfTheSystem(t *testing.T) {
	list, err := netx.System(netx.Options{}).Subnets()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
			t.Errorf("%v is no network", p)
		}
	}
}
