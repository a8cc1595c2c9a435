package bittorrent

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// maxWaiting bounds the incoming connections that have not finished their handshake, maxFromOne those from one address.
const (
	maxWaiting = 256
	maxFromOne = 32
)

// room is where incoming connections wait for their handshake. When it is full, or an address has its share of it, the one
// that has been in it longest is sent away, of that address: a crowd of those who say nothing does not keep out who comes to
// the point.
type room struct {
	mu     sync.Mutex
	inside []*guest // in the order they came
}

type guest struct {
	conn net.Conn
	from netip.Addr
}

// enter takes a connection in. The function returned lets it out, and must be called once.
func (r *room) enter(conn net.Conn) (leave func()) {
	g := &guest{conn, netx.AddrPort(conn.RemoteAddr()).Addr()}
	r.mu.Lock()
	defer r.mu.Unlock()
	first, same := 0, 0
	for i := len(r.inside) - 1; i >= 0; i-- {
		if r.inside[i].from == g.from {
			if same++; same == maxFromOne {
				first = i
			}
		}
	}
	if same >= maxFromOne || len(r.inside) >= maxWaiting {
		r.inside[first].conn.Close()
		r.inside = slices.Delete(r.inside, first, first+1)
	}
	r.inside = append(r.inside, g)
	return func() { r.leave(g) }
}

func (r *room) leave(g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.inside, g); i >= 0 {
		r.inside = slices.Delete(r.inside, i, i+1)
	}
}
