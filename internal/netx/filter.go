package netx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrBlocked says that the user wants nothing to do with an address.
var ErrBlocked = errors.New("the address is in a block list")

// Filtered is a [Network] without certain addresses: they are not dialled and not accepted, and no datagram goes there or
// comes from there. Every room that is handed one keeps to it.
type Filtered struct {
	Network
	blocks func(netip.Addr) bool

	mu     sync.RWMutex
	exempt map[netip.Addr]struct{}

	dials, accepts, sent, received atomic.Int64
}

// Filter takes the addresses for which blocks holds out of a network. Blocks must be safe for concurrent use, and its answers
// may change.
func Filter(nw Network, blocks func(netip.Addr) bool) *Filtered {
	return &Filtered{Network: nw, blocks: blocks, exempt: make(map[netip.Addr]struct{})}
}

// Unwrap is the network that is filtered.
func (f *Filtered) Unwrap() Network { return f.Network }

// Exempt lets addresses through that the user named.
func (f *Filtered) Exempt(addrs ...netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range addrs {
		f.exempt[a.Unmap()] = struct{}{}
	}
}

// Refused counts what a [Filtered] network did not let through.
type Refused struct {
	Dials, Accepts int64
	Sent, Received int64 // datagrams
}

// Refused is what was not let through so far.
func (f *Filtered) Refused() Refused {
	return Refused{f.dials.Load(), f.accepts.Load(), f.sent.Load(), f.received.Load()}
}

// Blocks reports whether an address is not let through now.
func (f *Filtered) Blocks(a netip.Addr) bool {
	if !f.blocks(a) {
		return false
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, named := f.exempt[a.Unmap()]
	return !named
}

// DialTCP refuses a blocked address. See [Network].
func (f *Filtered) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	if f.Blocks(remote.Addr()) {
		f.dials.Add(1)
		return nil, fmt.Errorf("dial %v: %w", remote, ErrBlocked)
	}
	return f.Network.DialTCP(ctx, remote)
}

// ListenTCP accepts nobody from a blocked address. See [Network].
func (f *Filtered) ListenTCP(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
	l, err := f.Network.ListenTCP(ctx, local)
	if err != nil {
		return nil, err
	}
	return &filteredListener{l, f}, nil
}

type filteredListener struct {
	net.Listener
	filter *Filtered
}

func (l *filteredListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !l.filter.Blocks(AddrPort(conn.RemoteAddr()).Addr()) {
			return conn, err
		}
		l.filter.accepts.Add(1)
		_ = conn.Close()
	}
}

// ListenUDP takes no datagram from a blocked address, and sends none there. See [Network].
func (f *Filtered) ListenUDP(ctx context.Context, local netip.AddrPort) (PacketConn, error) {
	conn, err := f.Network.ListenUDP(ctx, local)
	if err != nil {
		return nil, err
	}
	return &filteredSocket{conn, ReaderOf(conn), WriterOf(conn), f}, nil
}

// filteredSocket is a [BatchReader] and a [SegmentWriter] as good as the socket it stands before.
type filteredSocket struct {
	PacketConn
	reader BatchReader
	writer SegmentWriter
	filter *Filtered
}

// Unwrap is the socket that is filtered.
func (s *filteredSocket) Unwrap() PacketConn { return s.PacketConn }

func (s *filteredSocket) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := s.PacketConn.ReadFrom(p)
		if err != nil || !s.filter.Blocks(from.Addr()) {
			return n, from, err
		}
		s.filter.received.Add(1)
	}
}

func (s *filteredSocket) ReadBatch(b []Datagram) ([]Datagram, error) {
	had := len(b)
	b, err := s.reader.ReadBatch(b)
	var last netip.Addr // most of a batch is from one peer
	var blocked bool
	kept := slices.DeleteFunc(b[had:], func(d Datagram) bool {
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

func (s *filteredSocket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	if err := s.refuse(to, 1); err != nil {
		return 0, err
	}
	return s.PacketConn.WriteTo(p, to)
}

func (s *filteredSocket) WriteSegments(p []byte, size int, to netip.AddrPort, frag Fragmentation) error {
	if err := s.refuse(to, (len(p)+size-1)/max(size, 1)); err != nil {
		return err
	}
	return s.writer.WriteSegments(p, size, to, frag)
}

func (s *filteredSocket) refuse(to netip.AddrPort, datagrams int) error {
	if !s.filter.Blocks(to.Addr()) {
		return nil
	}
	s.filter.sent.Add(int64(datagrams))
	return fmt.Errorf("send to %v: %w", to, ErrBlocked)
}

// ListenMulticast hears nothing from a blocked address. See [Multicaster].
func (f *Filtered) ListenMulticast(ctx context.Context, group netip.AddrPort) (MulticastConn, error) {
	conn, err := ListenMulticast(ctx, f.Network, group)
	if err != nil {
		return nil, err
	}
	return &filteredMember{conn, f}, nil
}

type filteredMember struct {
	MulticastConn
	filter *Filtered
}

func (m *filteredMember) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := m.MulticastConn.ReadFrom(p)
		if err != nil || !m.filter.Blocks(from.Addr()) {
			return n, from, err
		}
		m.filter.received.Add(1)
	}
}
