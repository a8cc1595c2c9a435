package bind

import (
	"io"
	"net"
)

// keep has c closed when the interface is gone; it is closed at once if that is so already.
func (n *Network) keep(p *presence, c io.Closer) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.present != p {
		_ = c.Close()
		return n.gone()
	}
	p.conns[c] = struct{}{}
	return nil
}

func (n *Network) forget(p *presence, c io.Closer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(p.conns, c)
}

// adopt makes a connection end with the interface.
func (n *Network) adopt(p *presence, c net.Conn) (net.Conn, error) {
	if err := n.keep(p, c); err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		return &tcpConn{tcp, n, p}, nil
	}
	return &conn{c, n, p}, nil
}

// tcpConn is a connection of the system, with all that those can do: writev among others.
type tcpConn struct {
	*net.TCPConn
	n *Network
	p *presence
}

func (c *tcpConn) Close() error {
	c.n.forget(c.p, c.TCPConn)
	return c.TCPConn.Close()
}

type conn struct {
	net.Conn
	n *Network
	p *presence
}

func (c *conn) Close() error {
	c.n.forget(c.p, c.Conn)
	return c.Conn.Close()
}
