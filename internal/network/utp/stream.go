package utp

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	protocol "github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// network is what errors call it.
const network = "utp"

var _ net.Conn = (*Conn)(nil)

// Read waits for bytes, and for io.EOF, which is the peer's FIN. Errors are *net.OpError around net.ErrClosed,
// os.ErrDeadlineExceeded, or the protocol's ErrReset and ErrTimeout; what arrived before these is read first.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.unlock()
	for {
		if err := c.usable(&c.reader); err != nil {
			return 0, c.opError("read", err)
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, err := c.core.Read(p)
		if n > 0 {
			if next := c.core.Next(); !next.IsZero() && !next.After(c.socket.now()) {
				c.flush() // tells the peer of room
			}
			return n, nil
		}
		if err != nil {
			return 0, c.opError("read", err)
		}
		c.reader.wait()
	}
}

// Write waits until all is taken. It is sent at once, or as soon as the path and the peer have room. Errors are as those of
// Read.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.WriteBuffers(&net.Buffers{p})
	return int(n), err
}

// WriteBuffers is one Write of what lies in several places. What was taken is taken out of v, as by its WriteTo.
func (c *Conn) WriteBuffers(v *net.Buffers) (n int64, err error) {
	c.mu.Lock()
	defer c.unlock()
	for {
		if err := c.usable(&c.writer); err != nil {
			return n, c.opError("write", err)
		}
		k, err := c.fill(v)
		n += int64(k)
		if k > 0 {
			c.flush()
		}
		if err != nil {
			return n, c.opError("write", err)
		}
		if len(*v) == 0 {
			return n, nil
		}
		if k == 0 {
			c.writer.wait()
		}
	}
}

// fill moves to the core what it takes.
func (c *Conn) fill(v *net.Buffers) (n int, err error) {
	for len(*v) > 0 {
		p := (*v)[0]
		k, err := c.core.Write(p)
		n += k
		if err != nil {
			return n, err
		}
		if k < len(p) {
			(*v)[0] = p[k:]
			break
		}
		(*v)[0] = nil
		*v = (*v)[1:]
	}
	return n, nil
}

// usable reports why nothing can be read or written any more, as far as it is not the core that says so.
func (c *Conn) usable(w *waiter) error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.broken:
		return errBroken
	case w.passed(c.socket.now()):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// CloseWrite ends our direction only, as of a net.TCPConn.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	defer c.unlock()
	if err := c.usable(&waiter{}); err != nil {
		return c.opError("close", err)
	}
	c.core.CloseWrite()
	c.writer.wake()
	c.flush()
	return nil
}

// Close ends both directions. What is written is still delivered, for a minute at most, without anybody waiting for it.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	for _, w := range []*waiter{&c.reader, &c.writer} {
		w.stop()
		w.wake()
	}
	if !c.broken {
		c.core.Close(c.socket.now())
		c.flush()
	}
	return nil
}

// LocalAddr is the address of the socket, as a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.socket.local) }

// RemoteAddr is the peer's address, as a *net.UDPAddr.
func (c *Conn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.reader, &c.writer) }

// SetReadDeadline makes Read fail from t on; the zero time takes it back.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.reader) }

// SetWriteDeadline makes Write fail from t on; the zero time takes it back.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writer) }

func (c *Conn) setDeadlines(t time.Time, of ...*waiter) error {
	c.mu.Lock()
	defer c.unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	for _, w := range of {
		w.set(c.socket.now(), t)
	}
	return nil
}

func (c *Conn) opError(op string, err error) error {
	return opError(op, c.socket.local, c.remote, err)
}

// opError gives errors the form that package net gives them.
func opError(op string, local, remote netip.AddrPort, err error) error {
	if err == io.EOF {
		return err
	}
	if errors.Is(err, protocol.ErrClosed) {
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: network, Source: net.UDPAddrFromAddrPort(local), Addr: net.UDPAddrFromAddrPort(remote), Err: err}
}
