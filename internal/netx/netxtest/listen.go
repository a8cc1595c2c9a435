package netxtest

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

const backlog = 128

// DialTCP connects to a listener of the world. See [netx.Network].
func (h *Host) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err}
	}
	h.mu.Lock()
	h.dials = append(h.dials, remote)
	local := h.port()
	h.mu.Unlock()

	peer, from, ok := h.route(remote.Addr())
	if !ok && peer == nil && !from.IsValid() {
		return fail(syscall.ENETUNREACH)
	}
	if !ok {
		// Nobody has the address: the packets get lost.
		<-ctx.Done()
		return fail(ctx.Err())
	}
	if err := h.world.pass(ctx, h, peer); err != nil {
		return fail(err)
	}
	peer.mu.Lock()
	l, ok := bound(peer.tcp, remote)
	shut := peer.ways != nil && peer != h
	peer.mu.Unlock()
	if shut {
		<-ctx.Done()
		return fail(ctx.Err())
	}
	if !ok {
		return fail(syscall.ECONNREFUSED)
	}
	there, back := newStream(h.world, h, peer), newStream(h.world, peer, h)
	ours := &conn{in: back, out: there, local: netip.AddrPortFrom(from, local), remote: remote}
	theirs := &conn{in: there, out: back, local: remote, remote: ours.local}
	if err := l.offer(theirs); err != nil {
		_ = ours.Close()
		_ = theirs.Close()
		return fail(err)
	}
	return ours, nil
}

// Reset breaks all connections of the host, as when its power fails.
func (h *Host) Reset() {
	h.world.mu.Lock()
	var hit []*stream
	for s := range h.world.streams {
		if s.from == h || s.to == h {
			hit = append(hit, s)
		}
	}
	h.world.mu.Unlock()
	for _, s := range hit {
		s.reset(syscall.ECONNRESET)
	}
}

// ListenTCP accepts connections at an address of the host. See [netx.Network].
func (h *Host) ListenTCP(_ context.Context, local netip.AddrPort) (net.Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.owns(local.Addr()) {
		return nil, listenError("tcp", local, syscall.EADDRNOTAVAIL)
	}
	if local.Port() == 0 {
		local = netip.AddrPortFrom(local.Addr(), h.port())
	}
	if _, taken := bound(h.tcp, local); taken {
		return nil, listenError("tcp", local, syscall.EADDRINUSE)
	}
	l := &listener{host: h, local: local, queue: make(chan *conn, backlog), done: make(chan struct{})}
	h.tcp[local] = l
	return l, nil
}

func listenError(network string, local netip.AddrPort, err error) error {
	return &net.OpError{Op: "listen", Net: network, Addr: net.TCPAddrFromAddrPort(local), Err: err}
}

type listener struct {
	host  *Host
	local netip.AddrPort
	queue chan *conn

	mu   sync.Mutex // held while a connection is queued, so that none is left behind by Close
	done chan struct{}
	over bool
}

func (l *listener) offer(c *conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return syscall.ECONNREFUSED
	}
	select {
	case l.queue <- c:
		return nil
	default:
		return syscall.ETIMEDOUT
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return net.ErrClosed
	}
	l.over = true
	close(l.done)
	l.host.mu.Lock()
	delete(l.host.tcp, l.local)
	l.host.mu.Unlock()
	for {
		select {
		case c := <-l.queue:
			_ = c.Close()
		default:
			return nil
		}
	}
}
