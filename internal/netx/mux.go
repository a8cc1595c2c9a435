package netx

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxDatagram is the largest UDP payload there is.
const maxDatagram = 65535

// Mux shares one UDP socket between protocols that tell their datagrams apart by the first bytes: uTP, the DHT and UDP
// trackers live on the one port the user opened in the router.
type Mux struct {
	conn PacketConn

	mu     sync.RWMutex
	routes []*route
	closed bool
}

// NewMux shares conn. Datagrams flow once Serve runs; closing the Mux closes conn.
func NewMux(conn PacketConn) *Mux {
	return &Mux{conn: conn}
}

// Route makes a socket that receives the datagrams for which match holds. Routes are tried in the order in which they
// were made. At most queue datagrams wait in it; further ones are dropped, so a slow protocol cannot hold up another.
// Match must not keep pkt. Closing the returned socket ends the route and leaves the shared socket open.
func (m *Mux) Route(queue int, match func(pkt []byte, from netip.AddrPort) bool) PacketConn {
	r := &route{Inbox: NewInbox(queue), mux: m, match: match}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		_ = r.Inbox.Close()
		return r
	}
	m.routes = append(m.routes, r)
	return r
}

// Serve hands out datagrams until the socket is closed, and then returns nil.
func (m *Mux) Serve() error {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := m.conn.ReadFrom(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			_ = m.Close()
			return nil
		case err != nil && isTransient(err):
			continue
		case err != nil:
			_ = m.Close()
			return err
		}
		m.dispatch(buf[:n], from)
	}
}

// isTransient reports an error of one datagram rather than of the socket: Windows and some BSDs report an ICMP answer to
// an earlier send this way.
func isTransient(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && isPeerError(op.Err)
}

func (m *Mux) dispatch(pkt []byte, from netip.AddrPort) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, r := range m.routes {
		if r.match(pkt, from) {
			r.Put(pkt, from)
			return
		}
	}
}

// Close closes the shared socket and all routes.
func (m *Mux) Close() error {
	m.mu.Lock()
	routes, closed := m.routes, m.closed
	m.routes, m.closed = nil, true
	m.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	for _, r := range routes {
		_ = r.Inbox.Close()
	}
	return m.conn.Close()
}

func (m *Mux) remove(gone *route) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.routes = slices.DeleteFunc(m.routes, func(r *route) bool { return r == gone })
}

// route is one protocol's view of the shared socket.
type route struct {
	*Inbox
	mux   *Mux
	match func([]byte, netip.AddrPort) bool
}

func (r *route) WriteTo(p []byte, to netip.AddrPort) (int, error) { return r.mux.conn.WriteTo(p, to) }
func (r *route) LocalAddr() netip.AddrPort                        { return r.mux.conn.LocalAddr() }
func (r *route) SetReadDeadline(t time.Time) error                { return r.Inbox.SetReadDeadline(t) }

func (r *route) Close() error {
	r.mux.remove(r)
	return r.Inbox.Close()
}
