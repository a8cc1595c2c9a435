// Package backstop holds the ports from which connections by one interface are made. A segment that comes when its connection is
// closed already is answered by the kernel with a reset, by whatever way its routes say: "An incoming segment not containing a RST
// causes a RST to be sent in response" (RFC 9293, 3.10.7.1). Where a listener has the port, the answer is that one's (3.10.7.2), and
// goes by the interface that it is kept to, or not at all. These listeners are deaf to everything else: nobody can connect to them.
package backstop

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

// Ports are the ports that are held. They are safe for concurrent use.
type Ports struct {
	listen func(ctx context.Context, local netip.AddrPort) (net.Listener, error)

	mu      sync.Mutex
	turn    int
	open    map[netip.Addr][]net.Listener   // by the address from which connections are made
	retired map[netip.AddrPort]net.Listener // where connections were accepted
	closed  bool
}

// New holds ports of an interface with these addresses, by listen: it makes a listener that is kept to the interface, with [Share] and
// [Deafen]. From before, which may be nil and is closed, the ports are taken over that connections were made from.
func New(listen func(context.Context, netip.AddrPort) (net.Listener, error), addrs []netip.Addr, before *Ports) *Ports {
	b := &Ports{listen: listen, open: map[netip.Addr][]net.Listener{}, retired: map[netip.AddrPort]net.Listener{}}
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

// Dial connects from source, from a port that is held and has no connection to the same remote yet.
func (b *Ports) Dial(ctx context.Context, source netip.Addr, connect func(local netip.AddrPort) (net.Conn, error)) (net.Conn, error) {
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
func (b *Ports) port(ctx context.Context, source netip.Addr, n int) (netip.AddrPort, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return netip.AddrPort{}, net.ErrClosed
	}
	held := b.open[source]
	if n < len(held) {
		return at(held[n]), nil
	}
	l, err := b.listen(ctx, netip.AddrPortFrom(source, 0))
	if err != nil {
		return netip.AddrPort{}, err
	}
	b.open[source] = append(held, l)
	return at(l), nil
}

// held are the addresses and ports that are held for connections that were made.
func (b *Ports) held() (list []netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, held := range b.open {
		for _, l := range held {
			list = append(list, at(l))
		}
	}
	return list
}

// isUsed reports whether there have been connections.
func (b *Ports) isUsed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)+len(b.retired) > 0
}

// Take holds a port that is not listened at any more, for connections that were accepted there.
func (b *Ports) Take(local netip.AddrPort) {
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

// Release lets go of a port that was taken, for it is to be listened at again.
func (b *Ports) Release(local netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok := b.retired[local]; ok {
		delete(b.retired, local)
		_ = l.Close()
	}
}

// Close lets go of all ports, once what is under way to their connections has come.
func (b *Ports) Close() {
	if b.isUsed() {
		<-time.After(late)
	}
	b.close()
}

// close lets go of all ports.
func (b *Ports) close() {
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

// at is where a listener listens.
func at(l net.Listener) (local netip.AddrPort) {
	if tcp, ok := l.Addr().(*net.TCPAddr); ok {
		local = tcp.AddrPort()
	}
	return netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
}
