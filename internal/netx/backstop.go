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
	"time"
)

const (
	// ports is how many ports connections by an interface leave from in turn, so that a remote rarely sees one again at once.
	ports = 16
	// maxPorts bounds how many connections there are to one remote address and port, those in TIME-WAIT included.
	maxPorts = 1024
	// late is how long what is under way to connections that are closed at the end may take.
	late = 500 * time.Millisecond
)

// backstops hold the ports from which connections by one interface are made. A segment that comes when its connection is closed
// already is answered by the kernel with a reset, by whatever way its routes say: "An incoming segment not containing a RST causes a
// RST to be sent in response" (RFC 9293, 3.10.7.1). Where a listener has the port, the answer is that one's (3.10.7.2), and goes by
// the interface that it is kept to, or not at all. These listeners are deaf to everything else: nobody can connect to them.
type backstops struct {
	listen func(ctx context.Context, local netip.AddrPort) (net.Listener, error)

	mu      sync.Mutex
	turn    int
	open    map[netip.Addr][]net.Listener   // by the address from which connections are made
	retired map[netip.AddrPort]net.Listener // where connections were accepted
	closed  bool
}

// newBackstops hold the ports of before as well, which may be nil.
func newBackstops(listen func(context.Context, netip.AddrPort) (net.Listener, error), addrs []netip.Addr, before *backstops) *backstops {
	b := &backstops{listen: listen, open: map[netip.Addr][]net.Listener{}, retired: map[netip.AddrPort]net.Listener{}}
	if before == nil {
		return b
	}
	for _, local := range before.held() {
		if !slices.Contains(addrs, local.Addr()) {
			continue // nothing answers at an address that is gone
		}
		// If another has the port meanwhile, so be it.
		if l, err := listen(context.Background(), local); err == nil {
			b.open[local.Addr()] = append(b.open[local.Addr()], l)
		}
	}
	before.close()
	return b
}

// backstopsOf are those of a network of the system; nil if it has none.
func backstopsOf(nw Network) *backstops {
	if s, ok := nw.(*system); ok {
		return s.backstops
	}
	return nil
}

// dial connects from source, from a port that is held and has no connection to the same remote yet.
func (b *backstops) dial(ctx context.Context, source netip.Addr, connect func(local netip.AddrPort) (net.Conn, error)) (net.Conn, error) {
	b.mu.Lock()
	first := b.turn
	b.turn++
	b.mu.Unlock()
	for n := range maxPorts {
		if n < ports {
			n = (first + n) % ports
		}
		local, err := b.port(ctx, source, n)
		if err != nil {
			return nil, err
		}
		// "Cannot assign requested address": there is such a connection already (connect(2)).
		if conn, err := connect(local); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return conn, err
		}
	}
	return nil, fmt.Errorf("%d connections from %v to one address: %w", maxPorts, source, syscall.EADDRNOTAVAIL)
}

// port is the nth that is held, or one more.
func (b *backstops) port(ctx context.Context, source netip.Addr, n int) (netip.AddrPort, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return netip.AddrPort{}, net.ErrClosed
	}
	held := b.open[source]
	if n < len(held) {
		return AddrPort(held[n].Addr()), nil
	}
	l, err := b.listen(ctx, netip.AddrPortFrom(source, 0))
	if err != nil {
		return netip.AddrPort{}, err
	}
	b.open[source] = append(held, l)
	return AddrPort(l.Addr()), nil
}

// held are the addresses and ports that are held for connections that were made.
func (b *backstops) held() (list []netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, held := range b.open {
		for _, l := range held {
			list = append(list, AddrPort(l.Addr()))
		}
	}
	return list
}

// isUsed reports whether there have been connections.
func (b *backstops) isUsed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)+len(b.retired) > 0
}

// take holds a port that is not listened at any more, for connections that were accepted there.
func (b *backstops) take(local netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	// If another has the port already, so be it.
	if l, err := b.listen(context.Background(), local); err == nil {
		b.retired[local] = l
	}
}

// release lets go of a port that was taken, for it is to be listened at again.
func (b *backstops) release(local netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok := b.retired[local]; ok {
		delete(b.retired, local)
		_ = l.Close()
	}
}

// close lets go of all ports.
func (b *backstops) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, held := range b.open {
		for _, l := range held {
			_ = l.Close()
		}
	}
	for _, l := range b.retired {
		_ = l.Close()
	}
	clear(b.open)
	clear(b.retired)
}

// holdPort makes a deaf listener that is kept to the interface.
func (s *system) holdPort(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(network, address string, c syscall.RawConn) error {
		return errors.Join(s.confine(network, address, c), sharePort(c), deafen(c))
	}}
	return lc.Listen(ctx, "tcp"+family(local), local.String())
}

// Close lets go of the ports of connections, once what is under way to those has come.
func (s *system) Close() error {
	if s.backstops != nil {
		if s.backstops.isUsed() {
			<-time.After(late)
		}
		s.backstops.close()
	}
	return nil
}
