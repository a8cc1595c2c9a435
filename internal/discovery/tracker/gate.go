package tracker

import (
	"context"
	"sync"
)

// perHost is how many announces one tracker host gets from us at once, however many objects we have.
const perHost = 4

// gate makes announces to one host wait for each other.
type gate struct {
	mu    sync.Mutex
	hosts map[string]*slots
}

type slots struct {
	free  chan struct{}
	users int // those who hold or want a slot
}

// enter waits for a slot of the host; leave must be called after it.
func (g *gate) enter(ctx context.Context, host string) (leave func(), err error) {
	g.mu.Lock()
	s := g.hosts[host]
	if s == nil {
		s = &slots{free: make(chan struct{}, perHost)}
		if g.hosts == nil {
			g.hosts = map[string]*slots{}
		}
		g.hosts[host] = s
	}
	s.users++
	g.mu.Unlock()

	forget := func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(g.hosts, host)
		}
	}
	select {
	case s.free <- struct{}{}:
		return func() { <-s.free; forget() }, nil
	case <-ctx.Done():
		forget()
		return nil, ctx.Err()
	}
}
