package bind

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// ListenUDP opens a datagram socket at an address of the interface, under the same rules as ListenTCP: it stays when the interface
// goes. Meanwhile it receives nothing, and sending is a [netx.NoWayError]. See [netx.Network].
func (n *Network) ListenUDP(_ context.Context, local netip.AddrPort) (netx.PacketConn, error) {
	s := &socket{n: n, local: local, changed: make(chan struct{})}
	if err := n.hold(s, local); err != nil {
		return nil, err
	}
	return s, nil
}

// socket is a socket of the system that is opened again when it has to be. It is a [netx.BatchReader] and a
// [netx.SegmentWriter] as good as that.
type socket struct {
	n *Network

	mu       sync.Mutex
	local    netip.AddrPort
	inner    *opened       // nil before the interface has come
	paused   bool          // since the interface is gone
	changed  chan struct{} // closed and replaced with inner and deadline
	deadline time.Time
	closed   bool
}

// opened is a socket of the system.
type opened struct {
	netx.PacketConn
	reader netx.BatchReader
	writer netx.SegmentWriter
}

func (s *socket) open(nw netx.Network) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inner != nil || s.closed || isMissing(nw, s.local) {
		return nil
	}
	inner, err := nw.ListenUDP(context.Background(), s.local)
	if err != nil {
		return err
	}
	s.local = netip.AddrPortFrom(s.local.Addr(), inner.LocalAddr().Port())
	_ = inner.SetReadDeadline(s.deadline) // it has only just been opened
	s.inner = &opened{inner, netx.ReaderOf(inner), netx.WriterOf(inner)}
	s.stir()
	return nil
}

// pause leaves the socket of the system open: nothing comes by an interface that is gone.
func (s *socket) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = true
}

func (s *socket) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
}

func (s *socket) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
	if s.inner != nil {
		_ = s.inner.Close()
		s.inner = nil
		s.stir()
	}
}

// stir wakes those who wait for something to change. The caller holds the lock.
func (s *socket) stir() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await returns the socket of the system when there is one.
func (s *socket) await() (*opened, error) {
	for {
		s.mu.Lock()
		inner, changed, closed, deadline := s.inner, s.changed, s.closed, s.deadline
		s.mu.Unlock()
		switch {
		case closed:
			return nil, net.ErrClosed
		case inner != nil:
			return inner, nil
		case deadline.IsZero():
			<-changed
			continue
		}
		timer := time.NewTimer(time.Until(deadline))
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C:
			return nil, os.ErrDeadlineExceeded
		}
	}
}

// isLost reports whether a socket of the system failed since the interface took it along.
func (s *socket) isLost(inner *opened) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inner != inner && !s.closed
}

func (s *socket) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	for {
		inner, err := s.await()
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		n, from, err := inner.ReadFrom(p)
		if err == nil || !s.isLost(inner) {
			return n, from, err
		}
	}
}

func (s *socket) ReadBatch(b []netx.Datagram) ([]netx.Datagram, error) {
	for {
		inner, err := s.await()
		if err != nil {
			return b, err
		}
		read, err := inner.reader.ReadBatch(b)
		if err == nil || !s.isLost(inner) {
			return read, err
		}
	}
}

// present is the socket of the system, if there is one.
func (s *socket) present() (*opened, error) {
	s.mu.Lock()
	inner, closed, paused := s.inner, s.closed, s.paused
	s.mu.Unlock()
	switch {
	case closed:
		return nil, net.ErrClosed
	case inner == nil || paused:
		return nil, s.n.lost()
	}
	return inner, nil
}

func (s *socket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	inner, err := s.present()
	if err != nil {
		return 0, err
	}
	return inner.WriteTo(p, to)
}

func (s *socket) WriteSegments(p []byte, size int, to netip.AddrPort, f netx.Fragmentation) error {
	inner, err := s.present()
	if err != nil {
		return err
	}
	return inner.writer.WriteSegments(p, size, to, f)
}

// nowhere stands for the IPv6 address of an interface that has none: that of no host (RFC 6666). The wildcard would promise IPv4.
var nowhere = netip.MustParseAddr("100::")

// LocalAddr is the address of the interface. While that is gone, its family and port are right.
func (s *socket) LocalAddr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.inner != nil && !s.paused:
		return s.inner.LocalAddr()
	case s.local.Addr() == netip.IPv6Unspecified():
		return netip.AddrPortFrom(nowhere, s.local.Port())
	}
	return s.local
}

func (s *socket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.stir()
	if s.inner == nil {
		return nil
	}
	return s.inner.SetReadDeadline(t)
}

func (s *socket) Close() error {
	s.n.drop(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	inner := s.inner
	s.inner = nil
	s.stir()
	if inner == nil {
		return nil
	}
	return inner.Close()
}
