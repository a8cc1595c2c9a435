// Package filter is a network without the addresses that the user wants nothing to do with.
package filter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// ErrBlocked says that the user wants nothing to do with an address.
var ErrBlocked = errors.New("the address is in a block list")

// Network is a [netx.Network] without certain addresses: they are not dialled and not accepted, and no datagram goes there or
// comes from there. Every room that is handed one keeps to it.
type Network struct {
	netx.Network
	blocks func(netip.Addr) bool

	mu     sync.RWMutex
	exempt map[netip.Addr]struct{}

	dials, accepts, sent, received atomic.Int64
}

// New takes the addresses for which blocks holds out of a network. Blocks must be safe for concurrent use, and its answers
// may change.
func New(nw netx.Network, blocks func(netip.Addr) bool) *Network {
	return &Network{Network: nw, blocks: blocks, exempt: make(map[netip.Addr]struct{})}
}

// Unwrap is the network that is filtered.
func (f *Network) Unwrap() netx.Network { return f.Network }

// Exempt lets addresses through that the user named.
func (f *Network) Exempt(addrs ...netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range addrs {
		f.exempt[a.Unmap()] = struct{}{}
	}
}

// Refused counts what a [Network] did not let through.
type Refused struct {
	Dials, Accepts int64
	Sent, Received int64 // datagrams
}

// Refused is what was not let through so far.
func (f *Network) Refused() Refused {
	return Refused{f.dials.Load(), f.accepts.Load(), f.sent.Load(), f.received.Load()}
}

// Blocks reports whether an address is not let through now.
func (f *Network) Blocks(a netip.Addr) bool {
	if !f.blocks(a) {
		return false
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, named := f.exempt[a.Unmap()]
	return !named
}

// DialTCP refuses a blocked address. See [netx.Network].
func (f *Network) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	if f.Blocks(remote.Addr()) {
		f.dials.Add(1)
		return nil, fmt.Errorf("dial %v: %w", remote, ErrBlocked)
	}
	return f.Network.DialTCP(ctx, remote)
}

// ListenTCP accepts nobody from a blocked address. See [netx.Network].
func (f *Network) ListenTCP(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
	l, err := f.Network.ListenTCP(ctx, local)
	if err != nil {
		return nil, err
	}
	return &listener{l, f}, nil
}

type listener struct {
	net.Listener
	filter *Network
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !l.filter.Blocks(netx.AddrPort(conn.RemoteAddr()).Addr()) {
			return conn, err
		}
		l.filter.accepts.Add(1)
		_ = conn.Close()
	}
}

// ListenUDP takes no datagram from a blocked address, and sends none there. See [netx.Network].
func (f *Network) ListenUDP(ctx context.Context, local netip.AddrPort) (netx.PacketConn, error) {
	conn, err := f.Network.ListenUDP(ctx, local)
	if err != nil {
		return nil, err
	}
	return &socket{conn, netx.ReaderOf(conn), netx.WriterOf(conn), f}, nil
}

// socket is a [netx.BatchReader] and a [netx.SegmentWriter] as good as the socket it stands before.
type socket struct {
	netx.PacketConn
	reader netx.BatchReader
	writer netx.SegmentWriter
	filter *Network
}

// Unwrap is the socket that is filtered.
func (s *socket) Unwrap() netx.PacketConn { return s.PacketConn }

func (s *socket) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	return s.filter.readFrom(s.PacketConn, p)
}

func (s *socket) ReadBatch(b []netx.Datagram) ([]netx.Datagram, error) {
	had := len(b)
	b, err := s.reader.ReadBatch(b)
	var last netip.Addr // most of a batch is from one peer
	var blocked bool
	kept := slices.DeleteFunc(b[had:], func(d netx.Datagram) bool {
		if a := d.From.Addr(); a != last {
			last, blocked = a, s.filter.Blocks(a)
		}
		if blocked {
			s.filter.received.Add(1)
		}
		return blocked
	})
	return b[:had+len(kept)], err
}

func (s *socket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	if err := s.refuse(to, 1); err != nil {
		return 0, err
	}
	return s.PacketConn.WriteTo(p, to)
}

func (s *socket) WriteSegments(p []byte, size int, to netip.AddrPort, frag netx.Fragmentation) error {
	if err := s.refuse(to, (len(p)+size-1)/max(size, 1)); err != nil {
		return err
	}
	return s.writer.WriteSegments(p, size, to, frag)
}

func (s *socket) refuse(to netip.AddrPort, datagrams int) error {
	if !s.filter.Blocks(to.Addr()) {
		return nil
	}
	s.filter.sent.Add(int64(datagrams))
	return fmt.Errorf("send to %v: %w", to, ErrBlocked)
}

// ListenMulticast hears nothing from a blocked address. See [netx.Multicaster].
func (f *Network) ListenMulticast(ctx context.Context, group netip.AddrPort) (netx.MulticastConn, error) {
	conn, err := netx.ListenMulticast(ctx, f.Network, group)
	if err != nil {
		return nil, err
	}
	return &member{conn, f}, nil
}

type member struct {
	netx.MulticastConn
	filter *Network
}

func (m *member) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	return m.filter.readFrom(m.MulticastConn, p)
}

// reader is a socket of either kind.
type reader interface {
	ReadFrom(p []byte) (n int, from netip.AddrPort, err error)
}

// readFrom reads the next datagram that is let through.
func (f *Network) readFrom(r reader, p []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := r.ReadFrom(p)
		if err != nil || !f.Blocks(from.Addr()) {
			return n, from, err
		}
		f.received.Add(1)
	}
}

// Gateways are those of the network that is filtered, but for blocked ones.
func (f *Network) Gateways() ([]netx.Gateway, error) {
	list, err := netx.Gateways(f.Network)
	return slices.DeleteFunc(list, func(g netx.Gateway) bool { return f.Blocks(g.Addr) }), err
}
