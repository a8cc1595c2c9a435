package bind

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// ListenTCP accepts at an address of the interface: at the first of its family if local is a wildcard. The listener stays when the
// interface goes, and accepts again when that is back, at the same port. Without the interface, or without an address of that
// family, it waits for one; but not at port 0, since nobody knows which that will be. See [netx.Network].
func (n *Network) ListenTCP(_ context.Context, local netip.AddrPort) (net.Listener, error) {
	l := &listener{n: n, local: local, changed: make(chan struct{})}
	if err := n.hold(l, local); err != nil {
		return nil, err
	}
	return l, nil
}

// hold opens what is to be opened again whenever the interface comes.
func (n *Network) hold(h holding, local netip.AddrPort) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return net.ErrClosed
	case n.present == nil && local.Port() == 0:
		return n.gone()
	case n.present != nil && local.Port() == 0 && isMissing(n.present.network, local):
		return fmt.Errorf("%s has no address to listen at %v: %w", n.cfg.To, local.Addr(), syscall.EADDRNOTAVAIL)
	case n.present != nil:
		if err := h.open(n.present.network); err != nil {
			return err
		}
	}
	n.held[h] = struct{}{}
	return nil
}

func (n *Network) drop(h holding) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.held, h)
}

// isMissing reports whether the interface lacks an address that is to be listened at, which is not amiss: it may get one.
func isMissing(nw netx.Network, local netip.AddrPort) bool {
	addrs, err := nw.Addrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if a == local.Addr() || local.Addr().IsUnspecified() && a.Is4() == local.Addr().Is4() {
			return false
		}
	}
	return true
}

// listener is a listener of the system that is opened again when it has to be.
type listener struct {
	n *Network

	mu      sync.Mutex
	local   netip.AddrPort
	inner   net.Listener  // nil before the interface has come
	paused  bool          // since the interface is gone
	changed chan struct{} // closed and replaced with inner
	closed  bool
}

func (l *listener) open(nw netx.Network) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner != nil || l.closed || isMissing(nw, l.local) {
		return nil
	}
	inner, err := nw.ListenTCP(context.Background(), l.local)
	if err != nil {
		return err
	}
	l.local = netip.AddrPortFrom(l.local.Addr(), netx.AddrPort(inner.Addr()).Port())
	l.set(inner)
	return nil
}

// pause leaves the socket of the system open: nobody can come by an interface that is gone.
func (l *listener) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = true
}

func (l *listener) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = false
}

func (l *listener) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = false
	if l.inner != nil {
		_ = l.inner.Close()
		l.set(nil)
	}
}

func (l *listener) set(inner net.Listener) {
	l.inner = inner
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		l.mu.Lock()
		inner, changed, closed := l.inner, l.changed, l.closed
		l.mu.Unlock()
		switch {
		case closed:
			return nil, net.ErrClosed
		case inner == nil:
			<-changed
			continue
		}
		c, err := inner.Accept()
		if err == nil {
			if c, err = l.welcome(c); err == nil {
				return c, nil
			}
			continue // the interface has just gone
		}
		if l.isOpen(inner) {
			return nil, err
		}
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

// isOpen reports whether inner is what the listener accepts by.
func (l *listener) isOpen(inner net.Listener) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inner == inner && !l.closed
}

// Addr is the address of the interface; while that is gone, the wildcard.
func (l *listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner != nil && !l.paused {
		return l.inner.Addr()
	}
	return net.TCPAddrFromAddrPort(l.local)
}

func (l *listener) Close() error {
	l.n.drop(l)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	l.closed = true
	inner := l.inner
	l.set(nil)
	if inner == nil {
		return nil
	}
	return inner.Close()
}
