// Package reopen is the place of a socket that comes and goes under the hands of those who hold it. Who uses it waits while there is
// none, and what failed since the socket has left is done again with the next one. Whether it is a listener or a datagram socket, and
// who opens the next, is not its business.
package reopen

import (
	"net"
	"os"
	"sync"
	"time"
)

// Place is where a socket of the kind S is, if there is one; the zero S stands for none. It is safe for concurrent use.
type Place[S comparable] struct {
	arm func(S, time.Time) error

	mu       sync.Mutex
	now      S
	changed  chan struct{} // closed and replaced with all below and above it
	deadline time.Time
	closed   bool
}

// New is a place without a socket. Arm sets the deadline of a socket that is read; nil if S has none.
func New[S comparable](arm func(s S, deadline time.Time) error) *Place[S] {
	return &Place[S]{arm: arm, changed: make(chan struct{})}
}

// Put has another socket used from now on, which has only just been opened; the zero S leaves the place empty. It returns the one
// before, which is not closed.
func (p *Place[S]) Put(s S) (before S) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, p.now = p.now, s
	_ = p.setDeadline()
	p.stir()
	return before
}

// Now is the socket, the zero S if there is none at present. It is [net.ErrClosed] once the place is closed.
func (p *Place[S]) Now() (s S, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return s, net.ErrClosed
	}
	return p.now, nil
}

// Use does something with the socket as soon as there is one, and again with the next if it failed since that has left. It is
// [net.ErrClosed] once the place is closed, and [os.ErrDeadlineExceeded] if there was none until the deadline.
func (p *Place[S]) Use(do func(S) error) error {
	for {
		s, err := p.await()
		if err != nil {
			return err
		}
		if err := do(s); err == nil || !p.hasLeft(s) {
			return err
		}
	}
}

// SetReadDeadline bounds the wait for a socket, and what is read from that and the next ones; the zero time takes it back.
func (p *Place[S]) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	p.stir()
	return p.setDeadline()
}

// Close ends the place and all who wait. It returns the socket that was there, which is not closed; [net.ErrClosed] the second time.
func (p *Place[S]) Close() (last S, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return last, net.ErrClosed
	}
	p.closed = true
	p.stir()
	var none S
	last, p.now = p.now, none
	return last, nil
}

// setDeadline gives the socket the deadline. The caller holds the lock.
func (p *Place[S]) setDeadline() error {
	var none S
	if p.now == none || p.arm == nil {
		return nil
	}
	return p.arm(p.now, p.deadline)
}

// stir wakes those who wait for something to change. The caller holds the lock.
func (p *Place[S]) stir() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// await returns the socket when there is one.
func (p *Place[S]) await() (s S, err error) {
	var none S
	for {
		p.mu.Lock()
		now, changed, closed, deadline := p.now, p.changed, p.closed, p.deadline
		p.mu.Unlock()
		switch {
		case closed:
			return none, net.ErrClosed
		case now != none:
			return now, nil
		case deadline.IsZero():
			<-changed
			continue
		}
		timer := time.NewTimer(time.Until(deadline))
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C:
			return none, os.ErrDeadlineExceeded
		}
	}
}

// hasLeft reports whether a socket is not the one that is used any more.
func (p *Place[S]) hasLeft(s S) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now != s || p.closed
}
