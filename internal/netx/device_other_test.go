//go:build !linux && !darwin

package netx

import (
	"net/netip"
	"testing"
)

// Where a socket cannot be kept to an interface, nothing is sent.
func TestNoDeviceToBindTo(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	nw := System(Options{Only: &Interface{Name: "lo0", Index: 1, Addrs: []netip.Addr{local}, Loopback: true}})
	if c, err := nw.DialTCP(t.Context(), netip.AddrPortFrom(local, 9)); !IsNoWay(err) {
		t.Error(c, err)
	}
	if c, err := nw.ListenUDP(t.Context(), netip.AddrPortFrom(local, 0)); !IsNoWay(err) {
		t.Error(c, err)
	}
	if c, err := nw.ListenTCP(t.Context(), netip.AddrPortFrom(local, 0)); !IsNoWay(err) {
		t.Error(c, err)
	}
}
