package utp

import "net"

// Within runs f as part of a connection's work, as what a datagram makes it do.
func Within(c net.Conn, f func()) { c.(*Conn).contained(f) }

// Conns is how many connections there are.
func (sh *Shell) Conns() (n int) {
	for _, s := range sh.sockets {
		s.mu.Lock()
		n += len(s.conns)
		s.mu.Unlock()
	}
	return n
}
