package netx

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// pairTries bounds the search for a port that is free for TCP and UDP.
const pairTries = 20

// ListenPair binds TCP and UDP to the same port of local. Port 0 picks one that is free for both.
func ListenPair(ctx context.Context, nw Network, local netip.AddrPort) (net.Listener, PacketConn, error) {
	var last error
	for range pairTries {
		l, err := nw.ListenTCP(ctx, local)
		if err != nil {
			return nil, nil, fmt.Errorf("listen on %v: %w", local, err)
		}
		bound := AddrPort(l.Addr())
		if bound.Addr().Is4() == local.Addr().Unmap().Is4() { // without IPv6 the wildcard became the IPv4 one
			bound = netip.AddrPortFrom(local.Addr(), bound.Port())
		}
		u, err := nw.ListenUDP(ctx, bound)
		if err == nil {
			return l, u, nil
		}
		_ = l.Close()
		last = fmt.Errorf("listen on udp %v: %w", bound, err)
		if local.Port() != 0 {
			break
		}
	}
	return nil, nil, last
}
