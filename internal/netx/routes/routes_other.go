//go:build !linux

package routes

import (
	"net"
	"net/netip"
)

// Gateway guesses: in a private IPv4 network the router mostly has the first address. Of IPv6 nothing can be guessed.
func Gateway(_ net.Interface, subnet netip.Prefix) (via netip.Addr, guessed bool, err error) {
	a := subnet.Addr()
	if !a.Is4() || !a.IsPrivate() || subnet.Bits() > 30 {
		return via, false, nil
	}
	first := subnet.Masked().Addr().Next()
	if first == a {
		return via, false, nil
	}
	return first, true, nil
}
