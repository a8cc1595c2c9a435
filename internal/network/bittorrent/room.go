package bittorrent

import (
	"net"
	"slices"
	"sync"
)

// maxWaiting bounds the incoming connections that have not finished their handshake.
const maxWaiting = 256

// room is where incoming connections wait for their handshake. When it is full, the one that has been in it longest is
// sent away: a crowd of those who say nothing does not keep out who comes to the point.
type room struct {
	mu     sync.Mutex
	inside []*guest // in the order they came
}

type guest struct{ conn net.Conn }

// enter takes a connection in. The function returned lets it out, and must be called once.
func (r *room) enter(conn net.Conn) (leave func()) {
	g := &guest{conn}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.inside) >= maxWaiting {
		r.inside[0].conn.Close()
		r.inside = slices.Delete(r.inside, 0, 1)
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
