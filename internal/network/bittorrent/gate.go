package bittorrent

import (
	"context"
	"errors"
	"sync"
)

// errClosed ends the connections of an object that is taken away.
var errClosed = errors.New("the object is gone")

// gate counts the connections of an object, and keeps new ones out once it is shut.
type gate struct {
	mu     sync.Mutex
	shut   bool
	inside map[*connection]context.CancelCauseFunc
	ended  sync.WaitGroup
}

// enter lets a connection in, which cancel ends; false if the gate is shut. Who got in must leave.
func (g *gate) enter(c *connection, cancel context.CancelCauseFunc) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	if g.inside == nil {
		g.inside = make(map[*connection]context.CancelCauseFunc)
	}
	g.inside[c] = cancel
	g.ended.Add(1)
	return true
}

func (g *gate) leave(c *connection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.inside, c)
	g.ended.Done()
}

// close ends all connections, and returns when none is left.
func (g *gate) close() {
	g.mu.Lock()
	g.shut = true
	for _, cancel := range g.inside {
		cancel(errClosed)
	}
	g.mu.Unlock()
	g.ended.Wait()
}
