// Package netx is the network handed in as a value. It is the only package that dials, listens and resolves, so what
// holds here holds for the whole program: what we dial leaves from the address the user bound (DESIGN 4.10), a URL that
// came from somebody else passes one guard (DESIGN 4.9), and rates are limited in one place.
//
// [System] is the real network; package netxtest has an in-memory one with delay, loss and partitions for tests.
// What stands before a network or a socket is in packages of its own: bind, proxy, filter and mux.
package netx

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Network dials, listens and resolves. Implementations are safe for concurrent use.
type Network interface {
	// DialTCP opens a stream to remote. The context bounds the dial only, not the connection.
	DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error)

	// ListenTCP accepts streams at local. Port 0 picks a free port; the unspecified IPv6 address takes both families
	// where the system has both.
	ListenTCP(ctx context.Context, local netip.AddrPort) (net.Listener, error)

	// ListenUDP opens a datagram socket at local, under the same rules as ListenTCP.
	ListenUDP(ctx context.Context, local netip.AddrPort) (PacketConn, error)

	// LookupHost resolves a host name. A literal address resolves to itself.
	LookupHost(ctx context.Context, host string) ([]netip.Addr, error)

	// Addrs lists the addresses of this machine's interfaces, loopback included.
	Addrs() ([]netip.Addr, error)

	// Subnets lists the networks that this machine's interfaces are in.
	Subnets() ([]netip.Prefix, error)
}

// PacketConn is a datagram socket in terms of netip addresses. IPv4 addresses are never in their IPv6-mapped form.
type PacketConn interface {
	// ReadFrom reads one datagram into p; what does not fit is lost.
	ReadFrom(p []byte) (n int, from netip.AddrPort, err error)

	// WriteTo sends one datagram.
	WriteTo(p []byte, to netip.AddrPort) (n int, err error)

	// LocalAddr is the address the socket is bound to, with its real port.
	LocalAddr() netip.AddrPort

	// SetReadDeadline makes ReadFrom fail with a timeout from t on; the zero time takes it back.
	SetReadDeadline(t time.Time) error

	// Close ends the socket; a blocked ReadFrom returns net.ErrClosed.
	Close() error
}

// AddrPort is the netip form of a TCP or UDP address as net.Conn and net.Listener report it, IPv4 unmapped. It is the
// zero value for any other kind of address.
func AddrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return unmap(ap)
}

func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Carries reports whether a socket bound to local can send to remote: the families match, or local is the IPv6 wildcard
// that takes both.
func Carries(local, remote netip.Addr) bool {
	local, remote = local.Unmap(), remote.Unmap()
	return local.Is4() == remote.Is4() || local == netip.IPv6Unspecified()
}
