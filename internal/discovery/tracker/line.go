package tracker

import (
	"context"
	"sync"
)

const (
	// perHost is how many requests one tracker host gets from us at once, however many objects we have.
	perHost = 4
	// maxAtOnce bounds the requests under way to all hosts together.
	maxAtOnce = 500
)

// lines have the requests to one host wait for each other. Whoever waits is a place in a line, and no goroutine.
type lines struct {
	mu    sync.Mutex
	hosts map[string]*line
	able  []*line // those whose first could begin, in turn
	under int     // way
}

// line are the requests to one host.
type line struct {
	host    string
	under   int      // way
	waiting []*place // also those that were withdrawn
	live    int      // those that were not
	able    bool     // it is among those of lines
}

// place is that of one request, from join until leave or withdraw.
type place struct {
	line  *line
	begin func() // nil: it does not wait any more
}

// join puts a request last. Begin is called once when it may be made: at once, or by whoever leaves. It must not block.
func (l *lines) join(host string, begin func()) *place {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.hosts[host]
	if x == nil {
		x = &line{host: host}
		if l.hosts == nil {
			l.hosts = make(map[string]*line)
		}
		l.hosts[host] = x
	}
	p := &place{x, begin}
	x.waiting = append(x.waiting, p)
	x.live++
	l.enable(x)
	l.proceed()
	return p
}

// leave ends a request that has begun.
func (l *lines) leave(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.under--
	p.line.under--
	l.enable(p.line)
	l.proceed()
	l.forget(p.line)
}

// withdraw takes a request back; false: it has begun, and leave is to be called.
func (l *lines) withdraw(p *place) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.begin == nil {
		return false
	}
	p.begin = nil
	p.line.live--
	l.forget(p.line)
	return true
}

// enter joins, and waits until the request may be made.
func (l *lines) enter(ctx context.Context, host string) (*place, error) {
	begun := make(chan struct{})
	p := l.join(host, func() { close(begun) })
	select {
	case <-begun:
		return p, nil
	case <-ctx.Done():
		if !l.withdraw(p) {
			l.leave(p)
		}
		return nil, ctx.Err()
	}
}

// enable gives a line a turn if its first could begin.
func (l *lines) enable(x *line) {
	if !x.able && x.live > 0 && x.under < perHost {
		x.able = true
		l.able = append(l.able, x)
	}
}

// proceed begins what may be begun, of each line one in turn.
func (l *lines) proceed() {
	for len(l.able) > 0 && l.under < maxAtOnce {
		x := l.able[0]
		l.able = l.able[1:]
		x.able = false
		if p := x.pop(); p != nil {
			x.under++
			l.under++
			p.begin()
			p.begin = nil
		}
		l.enable(x)
		l.forget(x)
	}
}

// pop takes the first that waits; nil if nobody does.
func (x *line) pop() *place {
	for len(x.waiting) > 0 {
		p := x.waiting[0]
		x.waiting[0] = nil
		x.waiting = x.waiting[1:]
		if p.begin != nil {
			x.live--
			return p
		}
	}
	return nil
}

// forget lets go of a line in which nobody is.
func (l *lines) forget(x *line) {
	if x.under == 0 && x.live == 0 && !x.able {
		delete(l.hosts, x.host)
	}
}
