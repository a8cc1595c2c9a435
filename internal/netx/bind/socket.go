package bind

import (
	"context"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/reopen"
)

// ListenUDP opens a datagram socket at an address of the interface, under the same rules as ListenTCP: it stays when the interface
// goes. Meanwhile it receives nothing, and sending is a [netx.NoWayError]. See [netx.Network].
func (n *Network) ListenUDP(_ context.Context, local netip.AddrPort) (netx.PacketConn, error) {
	place := reopen.New(func(o *opened, t time.Time) error { return o.SetReadDeadline(t) })
	s := &socket{held[*opened]{n: n, place: place, listen: openUDP, local: local}}
	if err := n.hold(&s.held, local); err != nil {
		return nil, err
	}
	return s, nil
}

// socket is a socket of the system that is opened again when it has to be. It is a [netx.BatchReader] and a
// [netx.SegmentWriter] as good as that.
type socket struct{ held[*opened] }

// opened is a socket of the system.
type opened struct {
	netx.PacketConn
	reader netx.BatchReader
	writer netx.SegmentWriter
}

func openUDP(nw netx.Network, local netip.AddrPort) (*opened, uint16, error) {
	inner, err := nw.ListenUDP(context.Background(), local)
	if err != nil {
		return nil, 0, err
	}
	return &opened{inner, netx.ReaderOf(inner), netx.WriterOf(inner)}, inner.LocalAddr().Port(), nil
}

func (s *socket) ReadFrom(p []byte) (n int, from netip.AddrPort, err error) {
	err = s.place.Use(func(inner *opened) (err error) {
		n, from, err = inner.ReadFrom(p)
		return err
	})
	return n, from, err
}

func (s *socket) ReadBatch(b []netx.Datagram) (read []netx.Datagram, err error) {
	read = b
	err = s.place.Use(func(inner *opened) (err error) {
		read, err = inner.reader.ReadBatch(b)
		return err
	})
	return read, err
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

// present is the socket of the system, if the interface is there.
func (s *socket) present() (*opened, error) {
	inner, err := s.now()
	if err == nil && inner == nil {
		err = s.n.lost()
	}
	return inner, err
}

// nowhere stands for the IPv6 address of an interface that has none: that of no host (RFC 6666). The wildcard would promise IPv4.
var nowhere = netip.MustParseAddr("100::")

// LocalAddr is the address of the interface. While that is gone, its family and port are right.
func (s *socket) LocalAddr() netip.AddrPort {
	if inner, err := s.now(); err == nil && inner != nil {
		return inner.LocalAddr()
	}
	local := s.at()
	if local.Addr() == netip.IPv6Unspecified() {
		return netip.AddrPortFrom(nowhere, local.Port())
	}
	return local
}

func (s *socket) SetReadDeadline(t time.Time) error { return s.place.SetReadDeadline(t) }
