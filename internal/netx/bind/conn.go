package bind

import "net"

// keep has c end when the interface is gone; it is closed at once if that is so already.
func (n *Network) keep(p *presence, c ending) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.present != p {
		_ = c.close()
		return n.gone()
	}
	p.conns[c] = struct{}{}
	return nil
}

// tie is what connects something with the interface by which it goes.
type tie struct {
	n *Network
	p *presence
}

// untie closes c, unless it has ended with the interface: then that is left to whoever sees the interface come back.
func (t tie) untie(c ending) error {
	t.n.mu.Lock()
	defer t.n.mu.Unlock()
	if _, tied := t.p.conns[c]; !tied {
		return net.ErrClosed
	}
	delete(t.p.conns, c)
	return c.close()
}

// adopt makes a connection end with the interface.
func (n *Network) adopt(p *presence, c net.Conn) (net.Conn, error) {
	var tied interface {
		net.Conn
		ending
	} = &conn{c, tie{n, p}}
	if tcp, ok := c.(*net.TCPConn); ok {
		tied = &tcpConn{tcp, tie{n, p}}
	}
	if err := n.keep(p, tied); err != nil {
		return nil, err
	}
	return tied, nil
}

// tcpConn is a connection of the system, with all that those can do: writev among others.
type tcpConn struct {
	*net.TCPConn
	tie
}

// end shuts both directions down. The kernel keeps what is left of the connection to the interface.
func (c *tcpConn) end() {
	_ = c.CloseRead()
	_ = c.CloseWrite()
}

func (c *tcpConn) close() error { return c.TCPConn.Close() }
func (c *tcpConn) Close() error { return c.untie(c) }

type conn struct {
	net.Conn
	tie
}

func (c *conn) end()         { _ = c.Conn.Close() }
func (c *conn) close() error { return c.Conn.Close() }
func (c *conn) Close() error { return c.untie(c) }
