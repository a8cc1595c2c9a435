package utp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// writeRoom is how much room wakes a writer who needs more, in bytes: waking it for every packet costs more than the packet.
const writeRoom = 64 << 10

// errBroken says that a connection ended by a fault of ours.
var errBroken = errors.New("the uTP connection broke down")

// Conn is one connection. It is a net.Conn.
type Conn struct {
	socket *socket
	remote netip.AddrPort
	path   protocol.Path

	arrived [][]byte // datagrams of the batch at hand; of the goroutine that reads the socket

	// mu is held while sending, so that packets leave in the order in which they are made.
	mu             sync.Mutex
	core           *protocol.Conn // the pointer does not change
	dialing        bool           // somebody waits for the answer
	closed         bool           // by us: nobody reads or writes any more
	broken         bool           // the core must not be touched any more
	gone           bool           // the socket was told to forget it, or is being told
	reader, writer waiter

	timer *time.Timer
	alarm time.Time // when it rings; zero for not at all
}

func newConn(s *socket, core *protocol.Conn, path protocol.Path) *Conn {
	c := &Conn{socket: s, remote: core.Remote(), path: path, core: core}
	c.reader.cond.L, c.writer.cond.L = &c.mu, &c.mu
	return c
}

// trains are the buffers that packets are put behind each other in.
var trains = sync.Pool{New: func() any { return new([netx.MaxSegmentBytes]byte) }}

// unlock ends what began with mu.Lock, and takes the connection out of its socket when it is over.
func (c *Conn) unlock() {
	over := !c.gone && (c.broken || c.core.Done())
	if over {
		c.gone = true
		if c.timer != nil {
			c.timer.Stop()
		}
	}
	c.mu.Unlock()
	if over {
		c.socket.forget(c)
	}
}

// receive takes the datagrams that arrived, and sends what they call for.
func (c *Conn) receive() {
	c.contained(func() {
		now := c.socket.now()
		for _, pkt := range c.arrived {
			c.core.Receive(now, pkt)
		}
		c.flush()
	})
	clear(c.arrived)
	c.arrived = c.arrived[:0]
}

// ring is called when the time has come that the core asked for.
func (c *Conn) ring() {
	c.contained(func() {
		c.alarm = time.Time{}
		c.flush()
	})
}

// abort ends the connection at once, telling the peer.
func (c *Conn) abort() {
	c.contained(func() {
		c.core.Abort()
		c.flush()
	})
}

// contained runs f with the lock. A panic breaks this connection and no other.
func (c *Conn) contained(f func()) {
	c.mu.Lock()
	defer c.unlock()
	if c.broken {
		return
	}
	if c.socket.contained(f) {
		c.broken = true
		c.reader.wake()
		c.writer.wake()
	}
}

// flush sends what is to be sent, wakes who can go on, and sets the timer. The caller holds the lock.
func (c *Conn) flush() {
	train := trains.Get().(*[netx.MaxSegmentBytes]byte)
	defer trains.Put(train)
	for {
		b := c.core.Send(c.socket.now(), train[:])
		if b.Packets == 0 {
			break
		}
		f := netx.Whole
		if b.Fragment {
			f = netx.Fragmentable
		}
		// What cannot be sent is lost; the core notices by itself.
		_ = c.socket.route.WriteSegments(train[:b.Bytes], b.Size, c.remote, f)
	}
	over := c.core.Done()
	if c.dialing && c.core.Connected() || over || c.core.Readable() {
		c.reader.wake()
	}
	if over || c.core.Writable() >= writeRoom {
		c.writer.wake()
	}
	c.arm()
}

// arm has the timer ring when the core wants it, or before: then it is armed again.
func (c *Conn) arm() {
	next := c.core.Next()
	if next.IsZero() || !c.alarm.IsZero() && !next.Before(c.alarm) {
		return
	}
	c.alarm = next
	wait := next.Sub(c.socket.now())
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.ring)
	} else {
		c.timer.Reset(wait)
	}
}

// connect sends the SYN and waits for the answer.
func (c *Conn) connect(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.unlock()
		c.reader.wake()
	})
	defer stop()
	c.mu.Lock()
	defer c.unlock()
	c.dialing = true
	defer func() { c.dialing = false }()
	c.flush()
	for {
		switch {
		case c.broken:
			return errBroken
		case c.core.Connected():
			return nil
		case c.core.Done() && c.core.Err() == protocol.ErrClosed:
			return net.ErrClosed
		case c.core.Done():
			return c.core.Err()
		case ctx.Err() != nil:
			c.core.Abort()
			return ctx.Err()
		}
		c.reader.wait()
	}
}
