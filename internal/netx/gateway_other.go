//go:build !linux

package netx

import (
	"net"
	"net/netip"
)

// gatewayOf guesses: in a private IPv4 network the router mostly has the first address. Of IPv6 nothing can be guessed.
func gatewayOf(_ net.Interface, subnet netip.Prefix) (Gateway, error) {
	a := subnet.Addr()
	if !a.Is4() || !a.IsPrivate() || subnet.Bits() > 30 {
		return Gateway{}, nil
	}
	first := subnet.Masked().Addr().Next()
	if first == a {
		return Gateway{}, nil
	}
	return Gateway{Addr: first, Guessed: true}, nil
}
