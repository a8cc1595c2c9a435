package bind

import (
	"context"
	"net"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/reopen"
)

// ListenTCP accepts at an address of the interface: at the first of its family if local is a wildcard. The listener stays when the
// interface goes, and accepts again when that is back, at the same port. Without the interface, or without an address of that
// family, it waits for one; but not at port 0, since nobody knows which that will be. See [netx.Network].
func (n *Network) ListenTCP(_ context.Context, local netip.AddrPort) (net.Listener, error) {
	l := &listener{held[net.Listener]{n: n, place: reopen.New[net.Listener](nil), listen: openTCP, local: local}}
	if err := n.hold(&l.held, local); err != nil {
		return nil, err
	}
	return l, nil
}

// listener is a listener of the system that is opened again when it has to be.
type listener struct{ held[net.Listener] }

func openTCP(nw netx.Network, local netip.AddrPort) (net.Listener, uint16, error) {
	inner, err := nw.ListenTCP(context.Background(), local)
	if err != nil {
		return nil, 0, err
	}
	return inner, netx.AddrPort(inner.Addr()).Port(), nil
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		var c net.Conn
		err := l.place.Use(func(inner net.Listener) (err error) {
			c, err = inner.Accept()
			return err
		})
		if err != nil {
			return nil, err
		}
		if c, err = l.welcome(c); err == nil {
			return c, nil
		} // else the interface has just gone
	}
}

// welcome makes an accepted connection end with the interface.
func (l *listener) welcome(c net.Conn) (net.Conn, error) {
	p, err := l.n.here()
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return l.n.adopt(p, c)
}

// Addr is the address of the interface; while that is gone, the wildcard.
func (l *listener) Addr() net.Addr {
	if inner, err := l.now(); err == nil && inner != nil {
		return inner.Addr()
	}
	return net.TCPAddrFromAddrPort(l.at())
}
