//go:build !linux

package netx

import (
	"net"
	"net/netip"
)

// udpSocket is a UDP socket of the system, read from and written to a datagram at a time.
type udpSocket struct{ *net.UDPConn }

func newUDPSocket(conn *net.UDPConn) PacketConn { return udpSocket{conn} }

func (u udpSocket) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	n, from, err := u.ReadFromUDPAddrPort(p)
	return n, unmap(from), err
}

func (u udpSocket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return u.WriteToUDPAddrPort(p, to)
}

func (u udpSocket) LocalAddr() netip.AddrPort { return AddrPort(u.UDPConn.LocalAddr()) }
