// Package utp is the shell around uTP connections (BEP 29): streams over the UDP sockets that a node shares with its DHT and its
// trackers. It gives the protocol, which is in package protocol/utp, its datagrams and the time, and gives everybody else what
// looks like TCP: a [Shell] dials and accepts, a [Conn] is a net.Conn.
//
//	shell    dials, accepts, is closed
//	socket   one UDP socket: whose a datagram is, by the batch
//	conn     one connection: in, out, timers
//	stream   the same as a net.Conn
//	waiter   whoever waits in it, and until when
//
// There is no goroutine of a socket's or a connection's own. A socket's datagrams are taken on the goroutine that reads it, and
// so is what they make the protocol send; what a write makes it send leaves on the writer's. Timers run when they are due.
//
// A connection that nobody reads tells its peer of no more room, a full one makes its writer wait, and a datagram for which there
// is no room is lost: nothing grows without bound, and nobody is held up by another's connection.
package utp

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// backlog is how many connections wait to be accepted; further ones are reset.
const backlog = 128

// Config is what a shell is made of. All fields but Protocol are required.
type Config struct {
	// Muxes are the UDP sockets. A route is made on each, after those that are there: what looks like uTP and is for another
	// protocol belongs to that.
	Muxes []*mux.Mux
	Now   func() time.Time
	// Seed is from a source that nobody can guess.
	Seed [32]byte
	// Panicked is told of a panic over one datagram or in one connection, which ends that only (promise 4.8).
	Panicked func(any)
	// Protocol bounds the connections, those of all sockets together by one Memory. None delays what is small, as those of package
	// net do not.
	Protocol protocol.Config
}

// Shell is all uTP connections of a node. It is a net.Listener.
type Shell struct {
	cfg     Config
	sockets []*socket
	queue   chan *Conn

	once sync.Once
	done chan struct{} // closed by Close
}

// Open makes a shell. Datagrams flow while the muxes are served.
func Open(cfg Config) *Shell {
	cfg.Protocol.NoDelay = true
	if cfg.Protocol.Memory == nil {
		cfg.Protocol.Memory = protocol.NewMemory(protocol.DefaultMemory) // for all sockets together
	}
	sh := &Shell{cfg: cfg, queue: make(chan *Conn, backlog), done: make(chan struct{})}
	seeds := rand.NewChaCha8(cfg.Seed)
	for _, m := range cfg.Muxes {
		var seed [32]byte
		for i := range 4 {
			binary.LittleEndian.PutUint64(seed[8*i:], seeds.Uint64())
		}
		sh.sockets = append(sh.sockets, newSocket(sh, m, rand.New(rand.NewChaCha8(seed))))
	}
	return sh
}

// Dial connects to a peer. The context bounds the dial only. The error says what a connection's do, or is [netx.ErrFamily] if
// no socket can send there.
func (sh *Shell) Dial(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	for _, s := range sh.sockets {
		if netx.Carries(s.local.Addr(), remote.Addr()) {
			c, err := s.dial(ctx, remote)
			if err != nil {
				return nil, opError("dial", s.local, remote, err)
			}
			return c, nil
		}
	}
	return nil, fmt.Errorf("dial %v over uTP: %w", remote, netx.ErrFamily)
}

// Accept waits for a connection that a peer opened. After Close it returns net.ErrClosed.
func (sh *Shell) Accept() (net.Conn, error) {
	select {
	case c := <-sh.queue:
		return c, nil
	case <-sh.done:
		return nil, &net.OpError{Op: "accept", Net: network, Addr: sh.Addr(), Err: net.ErrClosed}
	}
}

// Addr is the address of the first socket; nil without any.
func (sh *Shell) Addr() net.Addr {
	if len(sh.sockets) == 0 {
		return nil
	}
	return net.UDPAddrFromAddrPort(sh.sockets[0].local)
}

// Close ends all connections at once, telling their peers, and gives the sockets' routes back. The sockets stay open.
func (sh *Shell) Close() error {
	err := net.ErrClosed
	sh.once.Do(func() {
		err = nil
		close(sh.done)
		for _, s := range sh.sockets {
			s.close()
		}
	})
	return err
}

// offer queues an accepted connection, unless too many are.
func (sh *Shell) offer(c *Conn) {
	select {
	case sh.queue <- c:
	default:
		c.abort()
	}
}
