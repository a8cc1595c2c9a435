package netxtest

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Far is the network of a host that reaches others through a proxy: names are those of the world, and are looked up at the far end
// and never by the host.
type Far struct{ *Host }

var (
	_ netx.NameDialer = Far{}
	_ netx.NameWriter = farSocket{}
)

// LookupHost knows addresses only. See [netx.NameDialer].
func (f Far) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	return nil, fmt.Errorf("%s: %w", host, netx.ErrFarName)
}

// DialName dials the first address of a name. See [netx.NameDialer].
func (f Far) DialName(ctx context.Context, host string, port uint16) (net.Conn, error) {
	addrs, err := f.Host.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	c, err := f.DialTCP(ctx, netip.AddrPortFrom(addrs[0], port))
	if err != nil {
		return nil, err
	}
	return named{c, host}, nil
}

// named is a connection whose other end is known by its name alone.
type named struct {
	net.Conn
	host string
}

// Network is that of the other end.
func (n named) Network() string { return "tcp" }

func (n named) String() string { return n.host }

func (n named) RemoteAddr() net.Addr { return n }

// ListenUDP opens a socket that sends to names. See [netx.NameWriter].
func (f Far) ListenUDP(ctx context.Context, local netip.AddrPort) (netx.PacketConn, error) {
	c, err := f.Host.ListenUDP(ctx, local)
	return farSocket{c, f}, err
}

type farSocket struct {
	netx.PacketConn
	far Far
}

func (s farSocket) WriteToName(p []byte, host string, port uint16) (int, error) {
	addrs, err := s.far.Host.LookupHost(context.Background(), host)
	if err != nil {
		return 0, err
	}
	return s.WriteTo(p, netip.AddrPortFrom(addrs[0], port))
}
