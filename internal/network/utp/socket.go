package utp

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// replySize is the length of the protocol's answers to what is of no connection, in bytes.
const replySize = 20

// socket is one UDP socket with its connections.
type socket struct {
	shell *Shell
	route *mux.BatchRoute
	local netip.AddrPort

	// mu guards what tells connections apart. It is never held together with that of a connection.
	mu       sync.Mutex
	endpoint *protocol.Endpoint
	conns    map[*protocol.Conn]*Conn
	closed   bool

	// What follows is of the goroutine that reads.
	touched  []*Conn // that the batch is for
	accepted []*Conn // that it made
	replies  []reply
	answer   [replySize]byte // being made
}

// reply is an answer to a datagram that is of no connection.
type reply struct {
	bytes [replySize]byte
	n     int
	to    netip.AddrPort
}

func newSocket(sh *Shell, m *mux.Mux, rng *rand.Rand) *socket {
	s := &socket{
		shell:    sh,
		endpoint: protocol.NewEndpoint(sh.cfg.Now(), sh.cfg.Protocol, rng),
		conns:    map[*protocol.Conn]*Conn{},
	}
	// The first batch may come before there is a route to answer by.
	s.mu.Lock()
	defer s.mu.Unlock()
	looks := func(pkt []byte, _ netip.AddrPort) bool { return protocol.Looks(pkt) }
	s.route = m.Batches(looks, s.take)
	s.local = s.route.LocalAddr()
	return s
}

func (s *socket) now() time.Time { return s.shell.cfg.Now() }

// pathTo says how connections to an address share the way there: they yield on the Internet, and take their share at home.
func pathTo(a netip.Addr) protocol.Path {
	if netx.ScopeOf(a) == netx.Global {
		return protocol.Path{Control: protocol.Background}
	}
	return protocol.Path{Control: protocol.Scalable}
}

// take hands a batch to its connections.
func (s *socket) take(batch []netx.Datagram) {
	s.contained(func() { s.find(batch) })
	for i := range s.replies {
		r := &s.replies[i]
		_ = s.route.WriteSegments(r.bytes[:r.n], r.n, r.to, netx.Whole) // lost, if not sent
	}
	for _, c := range s.touched {
		c.receive()
	}
	for _, c := range s.accepted {
		s.shell.offer(c)
	}
	clear(s.touched)
	clear(s.accepted)
	s.touched, s.accepted, s.replies = s.touched[:0], s.accepted[:0], s.replies[:0]
}

// find finds whose the datagrams are.
func (s *socket) find(batch []netx.Datagram) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	var last *Conn
	for _, d := range batch {
		var path protocol.Path
		if last == nil || last.remote != d.From {
			path = pathTo(d.From.Addr())
		} else {
			path = last.path
		}
		r := s.endpoint.Route(now, d.From, d.Data, s.answer[:0], path)
		if len(r.Reply) > 0 {
			s.replies = append(s.replies, reply{bytes: s.answer, n: len(r.Reply), to: d.From})
		}
		if r.Conn == nil {
			continue
		}
		if last == nil || last.core != r.Conn {
			last = s.conns[r.Conn]
		}
		if r.Accepted {
			last = s.adopt(r.Conn, path)
			s.accepted = append(s.accepted, last)
		}
		if len(last.arrived) == 0 {
			s.touched = append(s.touched, last)
		}
		last.arrived = append(last.arrived, d.Data)
	}
}

// adopt makes the connection around one of the protocol's. The caller holds the lock.
func (s *socket) adopt(core *protocol.Conn, path protocol.Path) *Conn {
	c := newConn(s, core, path)
	s.conns[core] = c
	return c
}

func (s *socket) dial(ctx context.Context, remote netip.AddrPort) (*Conn, error) {
	path := pathTo(remote.Addr())
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, net.ErrClosed
	}
	core, err := s.endpoint.Dial(s.now(), remote, path)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	c := s.adopt(core, path)
	s.mu.Unlock()
	return c, c.connect(ctx)
}

// forget takes out a connection that is over.
func (s *socket) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint.Remove(c.core)
	delete(s.conns, c.core)
}

// close aborts all connections, and ends the route.
func (s *socket) close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*Conn, 0, len(s.conns))
	for _, c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.abort()
	}
	s.route.Close()
}

// contained runs f, and reports its panic.
func (s *socket) contained(f func()) (panicked bool) {
	defer func() {
		if r := recover(); r != nil {
			panicked = true
			s.shell.cfg.Panicked(r)
		}
	}()
	f()
	return false
}
