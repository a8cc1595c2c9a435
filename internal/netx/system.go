package netx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/backstop"
)

// ErrFamily says that a dial was refused because the bound source address is of the other address family: it could only
// have left by another way (DESIGN 4.10).
var ErrFamily = errors.New("bound source address is of the other address family")

// Options configure the real network. At most one of Source and Only is given.
type Options struct {
	// Source is the address that everything we dial leaves from. The zero or a wildcard address leaves the choice to the
	// system.
	Source netip.Addr
	// Only is the interface that everything leaves and comes in by, as it is at present; nil leaves the choice to the system.
	Only *Interface
	// NameServers are asked by the interface Only instead of those of the system.
	NameServers []netip.AddrPort
	// Before is the network by the interface as it was before, if there was one. It is closed.
	Before Network
}

// System is the real network.
func System(opt Options) Network {
	source := opt.Source.Unmap()
	s := &system{only: opt.Only, servers: opt.NameServers, resolver: net.DefaultResolver}
	switch {
	case s.only != nil:
		s.sources = s.only.Addrs
		if backstop.Needed {
			s.backstops = backstop.New(s.holdPort, s.sources, backstopsOf(opt.Before))
		}
	case source.IsValid() && !source.IsUnspecified():
		s.sources = []netip.Addr{source}
	default:
		return s
	}
	// The resolver in Go is used even where the system has its own, because only it takes our dialler.
	s.resolver = &net.Resolver{PreferGo: true, Dial: s.dialResolver}
	return s
}

type system struct {
	sources  []netip.Addr // none leaves the choice to the system
	only     *Interface
	servers  []netip.AddrPort
	turn     atomic.Uint32 // of the name servers
	resolver *net.Resolver
	// backstops hold the ports that connections leave from; nil if the kernel chooses them.
	backstops *backstop.Ports
}

// from is the address from which to reach a remote; the zero address leaves the choice to the system.
func (s *system) from(remote netip.Addr) (netip.Addr, error) {
	if len(s.sources) == 0 && s.only == nil {
		return netip.Addr{}, nil
	}
	for _, a := range s.sources {
		if Carries(a, remote) {
			return a, nil
		}
	}
	if s.only != nil {
		return netip.Addr{}, fmt.Errorf("%v by %s, which has no address of that family: %w", remote, s.only.Name, ErrFamily)
	}
	return netip.Addr{}, fmt.Errorf("%v from %v: %w", remote, s.sources[0], ErrFamily)
}

// place is where to listen in order to listen at local: at a wildcard, the interface that everything comes in by has an address.
func (s *system) place(local netip.AddrPort) (netip.AddrPort, error) {
	local = unmap(local)
	if s.only == nil {
		return local, nil
	}
	for _, a := range s.only.Addrs {
		if a == local.Addr() || local.Addr().IsUnspecified() && a.Is4() == local.Addr().Is4() {
			return netip.AddrPortFrom(a, local.Port()), nil
		}
	}
	return local, fmt.Errorf("%s does not have the address %v: %w", s.only.Name, local.Addr(), syscall.EADDRNOTAVAIL)
}

// confine keeps a socket to the interface, whatever the routes say.
func (s *system) confine(network, _ string, c syscall.RawConn) error {
	if s.only == nil {
		return nil
	}
	return bindToDevice(c, network, s.only)
}

// backstopsOf are those of a network of the system; nil if it has none.
func backstopsOf(nw Network) *backstop.Ports {
	if s, ok := nw.(*system); ok {
		return s.backstops
	}
	return nil
}

// holdPort makes a deaf listener that is kept to the interface.
func (s *system) holdPort(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(network, address string, c syscall.RawConn) error {
		return errors.Join(s.confine(network, address, c), backstop.Share(c), backstop.Deafen(c))
	}}
	return lc.Listen(ctx, "tcp"+family(local), local.String())
}

// Close lets go of the ports of connections, once what is under way to those has come.
func (s *system) Close() error {
	if s.backstops != nil {
		s.backstops.Close()
	}
	return nil
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
	source, err := s.from(remote.Addr())
	if err != nil {
		return nil, fmt.Errorf("dial %w", err)
	}
	d := net.Dialer{KeepAliveConfig: keepAlive(), Control: func(network, address string, c syscall.RawConn) error {
		switch {
		case s.backstops != nil:
			if err := backstop.Share(c); err != nil {
				return err
			}
		case source.IsValid():
			if err := shareSourcePorts(network, address, c); err != nil {
				return err
			}
		}
		return errors.Join(s.confine(network, address, c), endUnacknowledged(network, address, c))
	}}
	if s.backstops != nil {
		return s.backstops.Dial(ctx, source, func(local netip.AddrPort) (net.Conn, error) { return d.DialTCP(ctx, "tcp", local, remote) })
	}
	var local netip.AddrPort
	if source.IsValid() {
		local = netip.AddrPortFrom(source, 0)
	}
	return d.DialTCP(ctx, "tcp", local, remote)
}

// LocalNameServerError says that a name server on this machine is not asked: what it forwards leaves by a way of its own.
type LocalNameServerError struct {
	Server netip.AddrPort
	Only   string // the interface that everything has to leave by
}

func (e *LocalNameServerError) Error() string {
	return fmt.Sprintf("the name server %v is on this machine and does not ask by %s; name one that %s reaches (net.dns)", e.Server.Addr(), e.Only, e.Only)
}

// dialResolver carries the queries of the resolver. With a source address alone, a name server on this machine is not bound to
// that: nothing leaves by asking it.
func (s *system) dialResolver(ctx context.Context, network, address string) (net.Conn, error) {
	remote, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	if len(s.servers) > 0 {
		remote = s.nameServer()
	}
	d := net.Dialer{Control: s.confine}
	switch local := remote.Addr().Unmap().IsLoopback(); {
	case local && s.only != nil && !s.only.Loopback:
		return nil, &LocalNameServerError{remote, s.only.Name}
	case !local || s.only != nil:
		source, err := s.from(remote.Addr())
		if err != nil {
			return nil, fmt.Errorf("ask name server %w", err)
		}
		switch network {
		case "udp", "udp4", "udp6":
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		default:
			return s.DialTCP(ctx, remote)
		}
	}
	return d.DialContext(ctx, network, remote.String())
}

// nameServer takes turns: the resolver tries again when one does not answer.
func (s *system) nameServer() netip.AddrPort {
	return s.servers[int(s.turn.Add(1)-1)%len(s.servers)]
}

func (s *system) ListenTCP(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
	local, err := s.place(local)
	if err != nil {
		return nil, err
	}
	if s.backstops != nil {
		s.backstops.Release(local)
	}
	lc := net.ListenConfig{KeepAliveConfig: keepAlive(), Control: s.confine}
	l, err := withoutIPv6(local, func(local netip.AddrPort) (net.Listener, error) {
		return lc.Listen(ctx, "tcp"+family(local), local.String())
	})
	if err != nil {
		return nil, err
	}
	return listener{l, s.backstops}, nil
}

// listener has the kernel end what it accepts when the other side is gone.
type listener struct {
	net.Listener
	after *backstop.Ports // hold the port when it is closed; nil if nobody does
}

func (l listener) Close() error {
	if tcp, ok := l.Listener.(*net.TCPListener); ok && l.after != nil {
		if raw, err := tcp.SyscallConn(); err == nil && backstop.Share(raw) == nil {
			l.after.Take(AddrPort(l.Addr()))
		}
	}
	return l.Listener.Close()
}

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
	local, err := s.place(local)
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: s.confine}
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
	if s.only != nil {
		return slices.Clone(s.only.Addrs), nil
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	return addrsOf(list), nil
}
