// Package mux shares one UDP socket between protocols: what comes for one of them it is given by the batch, or finds in its [Inbox].
package mux

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Mux shares one UDP socket between protocols that tell their datagrams apart by the first bytes: uTP, the DHT and UDP
// trackers live on the one port the user opened in the router.
type Mux struct {
	conn   netx.PacketConn
	writer netx.SegmentWriter

	mu     sync.RWMutex
	routes []*route
	closed bool
}

// New shares conn. Datagrams flow once Serve runs; closing the Mux closes conn.
func New(conn netx.PacketConn) *Mux {
	return &Mux{conn: conn, writer: netx.WriterOf(conn)}
}

// Route makes a socket that receives the datagrams for which match holds. Routes are tried in the order in which they
// were made. At most queue datagrams wait in it; further ones are dropped, so a slow protocol cannot hold up another.
// Match must not keep pkt. Closing the returned socket ends the route and leaves the shared socket open.
func (m *Mux) Route(queue int, match func(pkt []byte, from netip.AddrPort) bool) netx.PacketConn {
	in := NewInbox(queue)
	r := &route{mux: m, match: match, inbox: in}
	if !m.add(r) {
		_ = in.Close()
	}
	return queued{in, r}
}

// Batches makes a route for a protocol that takes many datagrams at a time: take is called with what one read brought for it,
// on the goroutine of Serve, so it must not wait for anything, nor make or close routes. The datagrams are valid until it
// returns.
func (m *Mux) Batches(match func(pkt []byte, from netip.AddrPort) bool, take func([]netx.Datagram)) *BatchRoute {
	r := &route{mux: m, match: match, take: take}
	m.add(r)
	return &BatchRoute{r}
}

func (m *Mux) add(r *route) (open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.routes = append(m.routes, r)
	return true
}

// Serve hands out datagrams until the socket is closed, and then returns nil.
func (m *Mux) Serve() error {
	reader := netx.ReaderOf(m.conn)
	var batch []netx.Datagram
	for {
		var err error
		batch, err = reader.ReadBatch(batch[:0])
		switch {
		case errors.Is(err, net.ErrClosed):
			_ = m.Close()
			return nil
		case err != nil && netx.IsTransient(err):
			continue
		case err != nil:
			_ = m.Close()
			return err
		}
		m.dispatch(batch)
	}
}

func (m *Mux) dispatch(batch []netx.Datagram) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, d := range batch {
		i := slices.IndexFunc(m.routes, func(r *route) bool { return r.match(d.Data, d.From) })
		switch {
		case i < 0:
		case m.routes[i].take != nil:
			m.routes[i].batch = append(m.routes[i].batch, d)
		default:
			m.routes[i].inbox.Put(d.Data, d.From)
		}
	}
	for _, r := range m.routes {
		if len(r.batch) > 0 {
			r.take(r.batch)
			clear(r.batch)
			r.batch = r.batch[:0]
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
		if r.inbox != nil {
			_ = r.inbox.Close()
		}
	}
	return m.conn.Close()
}

func (m *Mux) remove(gone *route) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.routes = slices.DeleteFunc(m.routes, func(r *route) bool { return r == gone })
}

// route is one protocol's share of the socket: datagrams wait in its inbox, or are taken by the batch.
type route struct {
	mux   *Mux
	match func([]byte, netip.AddrPort) bool
	inbox *Inbox
	take  func([]netx.Datagram)
	batch []netx.Datagram // for take
}

// queued is a protocol's view of the shared socket, as if it had one of its own.
type queued struct {
	*Inbox
	route *route
}

func (q queued) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return q.route.mux.conn.WriteTo(p, to)
}
func (q queued) LocalAddr() netip.AddrPort { return q.route.mux.conn.LocalAddr() }

// Unwrap is the shared socket.
func (q queued) Unwrap() netx.PacketConn { return q.route.mux.conn }

func (q queued) Close() error {
	q.route.mux.remove(q.route)
	return q.Inbox.Close()
}

// BatchRoute is the view of a protocol that takes datagrams by the batch. It is a [netx.SegmentWriter].
type BatchRoute struct{ route *route }

// WriteSegments sends datagrams. See [netx.SegmentWriter].
func (b *BatchRoute) WriteSegments(p []byte, size int, to netip.AddrPort, f netx.Fragmentation) error {
	return b.route.mux.writer.WriteSegments(p, size, to, f)
}

// LocalAddr is the address of the shared socket.
func (b *BatchRoute) LocalAddr() netip.AddrPort { return b.route.mux.conn.LocalAddr() }

// Close ends the route and leaves the shared socket open. Nothing is taken any more when it returns.
func (b *BatchRoute) Close() { b.route.mux.remove(b.route) }
