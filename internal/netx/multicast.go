package netx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Multicaster is a [Network] that has local networks whose hosts can all be spoken to at once. A way through a proxy has
// none.
type Multicaster interface {
	ListenMulticast(ctx context.Context, group netip.AddrPort) (MulticastConn, error)
}

// MulticastConn is a member of a multicast group on every local network that the machine is in.
type MulticastConn interface {
	// ReadFrom reads one datagram that was sent to the group, our own included.
	ReadFrom(p []byte) (n int, from netip.AddrPort, err error)

	// Send sends a datagram to the group on every local network, those included that the machine has come into since. It
	// does not leave them. The error is that of the last one if it could be sent on none.
	Send(p []byte) error

	// Close ends the membership; a blocked ReadFrom returns net.ErrClosed.
	Close() error
}

// ErrNoMulticast says that there is no local network to speak to.
var ErrNoMulticast = errors.New("no local network that takes multicast")

// ListenMulticast joins a group, if nw is a [Multicaster].
func ListenMulticast(ctx context.Context, nw Network, group netip.AddrPort) (MulticastConn, error) {
	if m, ok := capable[Multicaster](nw); ok {
		return m.ListenMulticast(ctx, group)
	}
	return nil, ErrNoMulticast
}

// maxInterfaces bounds on how many interfaces a group is joined.
const maxInterfaces = 32

// ListenMulticast joins a group on all interfaces that lead to a local network; with a bound source address on the one
// that has it, since nothing may leave by another way (DESIGN 4.10).
func (s *system) ListenMulticast(ctx context.Context, group netip.AddrPort) (MulticastConn, error) {
	group = unmap(group)
	from := netip.IPv4Unspecified()
	if group.Addr().Is6() {
		from = netip.IPv6Unspecified()
	}
	source, err := s.from(group.Addr())
	if err != nil {
		return nil, fmt.Errorf("join %w", err)
	}
	if source.IsValid() {
		from = source
	}
	lc := net.ListenConfig{Control: s.confine}
	network := "udp" + family(netip.AddrPortFrom(group.Addr(), 0))
	// Package net lets several sockets share the port when the address is that of a group.
	in, err := lc.ListenPacket(ctx, network, group.String())
	if err != nil {
		return nil, err
	}
	out, err := lc.ListenPacket(ctx, network, netip.AddrPortFrom(from, 0).String())
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	g := &groupSocket{group: group, source: source, in: in.(*net.UDPConn), out: out.(*net.UDPConn), joined: map[int]net.Interface{}}
	if err := g.setUp(); err != nil {
		_ = g.Close()
		return nil, fmt.Errorf("join %v: %w", group, err)
	}
	return g, nil
}

// groupSocket is a membership in a group. It receives by one socket, which has the port of the group and is never sent from,
// and sends by another, which has a port of its own.
type groupSocket struct {
	group   netip.AddrPort
	source  netip.Addr // the zero address: whatever the system takes
	in, out *net.UDPConn
	members memberships
	sender  interfaceChooser
	read    func(p []byte) (n int, dst net.IP, ifi int, from net.Addr, err error)

	mu     sync.Mutex            // held while sending: the interface is chosen for the socket, not for the datagram
	joined map[int]net.Interface // by index
}

type memberships interface {
	JoinGroup(ifi *net.Interface, group net.Addr) error
}

type interfaceChooser interface {
	SetMulticastInterface(ifi *net.Interface) error
}

// loopbackSwitch is set on both sockets: Windows wants it where a datagram is received, all others where it is sent. It is
// what lets two nodes on one machine find each other. The bound on hops stays at its default, 1: the local network.
type loopbackSwitch interface {
	SetMulticastLoopback(on bool) error
}

func (g *groupSocket) setUp() error {
	var sides [2]loopbackSwitch
	if g.group.Addr().Is4() {
		in, out := ipv4.NewPacketConn(g.in), ipv4.NewPacketConn(g.out)
		g.members, g.sender, sides = in, out, [2]loopbackSwitch{in, out}
		// Where the system cannot tell, ReadFrom takes what comes.
		_ = in.SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
		g.read = func(p []byte) (int, net.IP, int, net.Addr, error) {
			n, cm, from, err := in.ReadFrom(p)
			if cm == nil {
				return n, nil, 0, from, err
			}
			return n, cm.Dst, cm.IfIndex, from, err
		}
	} else {
		in, out := ipv6.NewPacketConn(g.in), ipv6.NewPacketConn(g.out)
		g.members, g.sender, sides = in, out, [2]loopbackSwitch{in, out}
		_ = in.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
		g.read = func(p []byte) (int, net.IP, int, net.Addr, error) {
			n, cm, from, err := in.ReadFrom(p)
			if cm == nil {
				return n, nil, 0, from, err
			}
			return n, cm.Dst, cm.IfIndex, from, err
		}
	}
	for _, s := range sides {
		_ = s.SetMulticastLoopback(true) // on by default
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.join()
}

// join joins the group where the machine is now, and forgets where it is no more. The caller holds the lock.
func (g *groupSocket) join() error {
	now, err := localNetworks(g.group.Addr(), g.source)
	if err != nil {
		return err
	}
	joined := map[int]net.Interface{}
	err = ErrNoMulticast
	for _, ifi := range now {
		if old, ok := g.joined[ifi.Index]; !ok || old.Name != ifi.Name {
			if e := g.members.JoinGroup(&ifi, net.UDPAddrFromAddrPort(g.group)); e != nil && !alreadyMember(e) {
				err = e
				continue
			}
		}
		joined[ifi.Index] = ifi
	}
	g.joined = joined
	if len(joined) == 0 {
		return err
	}
	return nil
}

func (g *groupSocket) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	for {
		n, dst, ifi, from, err := g.read(p)
		if err != nil {
			if IsTransient(err) {
				continue
			}
			return 0, netip.AddrPort{}, err
		}
		// The socket gets whatever comes to its port: datagrams sent to this machine alone, from anywhere, and those of
		// groups and interfaces that others on this machine have joined.
		if dst != nil && !dst.Equal(g.group.Addr().AsSlice()) || ifi != 0 && !g.isJoined(ifi) {
			continue
		}
		return n, AddrPort(from), nil
	}
}

func (g *groupSocket) isJoined(ifi int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.joined[ifi]
	return ok
}

func (g *groupSocket) Send(p []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.join(); err != nil {
		return err
	}
	var last error
	sent := false
	for _, ifi := range g.joined {
		err := g.sender.SetMulticastInterface(&ifi)
		if err == nil {
			_, err = g.out.WriteToUDPAddrPort(p, g.group)
		}
		if err != nil {
			last = fmt.Errorf("send to %v on %s: %w", g.group, ifi.Name, err)
			continue
		}
		sent = true
	}
	if sent {
		return nil
	}
	return last
}

func (g *groupSocket) Close() error {
	return errors.Join(g.in.Close(), g.out.Close())
}

// localNetworks lists the interfaces for a group: those with a local network behind them, or the one that has the source
// address. Without any network the loopback interface is one, for the other nodes on this machine.
func localNetworks(group, source netip.Addr) ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var networks, loopback []net.Interface
	for _, ifi := range all {
		list, _ := ifi.Addrs() // an interface that is just gone has none
		addrs := addrsOf(list)
		if ifi.Flags&net.FlagUp == 0 || !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Is4() == group.Is4() }) {
			continue
		}
		switch {
		case source.IsValid():
			if slices.Contains(addrs, source.WithZone("")) {
				networks = append(networks, ifi)
			}
		case ifi.Flags&net.FlagLoopback != 0:
			loopback = append(loopback, ifi)
		case ifi.Flags&net.FlagMulticast != 0 && ifi.Flags&net.FlagPointToPoint == 0:
			// A line to one other machine, as of a VPN, is no local network.
			networks = append(networks, ifi)
		}
	}
	if len(networks) == 0 {
		networks = loopback
	}
	return networks[:min(len(networks), maxInterfaces)], nil
}

// alreadyMember reports the error of a second join: an interface went down and came back.
func alreadyMember(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
