package netx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrFamily says that a dial was refused because the bound source address is of the other address family: it could only
// have left by another way (DESIGN 4.10).
var ErrFamily = errors.New("bound source address is of the other address family")

// Options configure the real network.
type Options struct {
	// Source is the address that everything we dial leaves from. The zero or a wildcard address leaves the choice to the
	// system.
	Source netip.Addr
}

// System is the real network.
func System(opt Options) Network {
	source := opt.Source.Unmap()
	if !source.IsValid() || source.IsUnspecified() {
		return &system{resolver: net.DefaultResolver}
	}
	s := &system{source: source}
	// The resolver in Go is used even where the system has its own, because only it takes our dialler.
	s.resolver = &net.Resolver{PreferGo: true, Dial: s.dialResolver}
	return s
}

type system struct {
	source   netip.Addr
	resolver *net.Resolver
}

// A connection whose other side is gone without a word ends within a minute: by keep-alives when nothing is under way, and by
// unacknowledged otherwise.
const (
	keepAliveIdle     = 20 * time.Second
	keepAliveInterval = 10 * time.Second
	keepAliveCount    = 3
	unacknowledged    = 50 * time.Second
)

func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount}
}

func (s *system) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	remote = unmap(remote)
	d := net.Dialer{KeepAliveConfig: keepAlive(), Control: endUnacknowledged}
	var local netip.AddrPort
	if s.source.IsValid() {
		if !Carries(s.source, remote.Addr()) {
			return nil, fmt.Errorf("dial %v from %v: %w", remote, s.source, ErrFamily)
		}
		local = netip.AddrPortFrom(s.source, 0)
		d.Control = func(network, address string, c syscall.RawConn) error {
			return errors.Join(shareSourcePorts(network, address, c), endUnacknowledged(network, address, c))
		}
	}
	return d.DialTCP(ctx, "tcp", local, remote)
}

// dialResolver carries the queries of the resolver. A name server on this machine is not bound to the source address:
// nothing leaves by asking it.
func (s *system) dialResolver(ctx context.Context, network, address string) (net.Conn, error) {
	remote, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	if !remote.Addr().Unmap().IsLoopback() {
		if !Carries(s.source, remote.Addr()) {
			return nil, fmt.Errorf("ask name server %v from %v: %w", remote, s.source, ErrFamily)
		}
		local := netip.AddrPortFrom(s.source, 0)
		switch network {
		case "udp", "udp4", "udp6":
			d.LocalAddr = net.UDPAddrFromAddrPort(local)
		default:
			d.LocalAddr = net.TCPAddrFromAddrPort(local)
		}
	}
	return d.DialContext(ctx, network, address)
}

func (s *system) ListenTCP(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive()}
	l, err := withoutIPv6(local, func(local netip.AddrPort) (net.Listener, error) {
		return lc.Listen(ctx, "tcp"+family(local), local.String())
	})
	if err != nil {
		return nil, err
	}
	return listener{l}, nil
}

// listener has the kernel end what it accepts when the other side is gone.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		if raw, err := tcp.SyscallConn(); err == nil {
			_ = endUnacknowledged("", "", raw) // it ends later without
		}
	}
	return conn, err
}

func (s *system) ListenUDP(ctx context.Context, local netip.AddrPort) (PacketConn, error) {
	var lc net.ListenConfig
	conn, err := withoutIPv6(local, func(local netip.AddrPort) (net.PacketConn, error) {
		return lc.ListenPacket(ctx, "udp"+family(local), local.String())
	})
	if err != nil {
		return nil, err
	}
	return newUDPSocket(conn.(*net.UDPConn)), nil
}

// withoutIPv6 listens at the IPv4 wildcard when the one for both families is wanted and the system has no IPv6.
func withoutIPv6[T any](local netip.AddrPort, listen func(netip.AddrPort) (T, error)) (T, error) {
	l, err := listen(unmap(local))
	if local.Addr() == netip.IPv6Unspecified() &&
		(errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)) {
		return listen(netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port()))
	}
	return l, err
}

// family is the suffix that keeps the net package from choosing a family by itself.
func family(local netip.AddrPort) string {
	switch {
	case local.Addr().Is4():
		return "4"
	case local.Addr() == netip.IPv6Unspecified():
		return "" // both families
	}
	return "6"
}

func (s *system) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	addrs, err := s.resolver.LookupNetIP(ctx, "ip", host)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}

func (s *system) Addrs() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(p.IP); ok {
				addrs = append(addrs, addr.Unmap())
			}
		}
	}
	return addrs, nil
}
