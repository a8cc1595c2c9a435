package reopen

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// socket fails when it is closed, and at its deadline.
type socket struct {
	closed   chan struct{}
	deadline time.Time
}

func newSocket() *socket { return &socket{closed: make(chan struct{})} }

func (s *socket) read() error {
	var late <-chan time.Time
	if !s.deadline.IsZero() {
		late = time.After(time.Until(s.deadline))
	}
	select {
	case <-s.closed:
		return io.ErrUnexpectedEOF
	case <-late:
		return os.ErrDeadlineExceeded
	}
}

func newPlace() *Place[*socket] {
	return New(func(s *socket, t time.Time) error {
		s.deadline = t
		return nil
	})
}

// Who reads waits for a socket, and goes on with the next when one is taken away; what one that stays fails with is his.
func TestUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace()
		first, second := newSocket(), newSocket()
		met := make(chan *socket, 2)
		ended := make(chan error, 1)
		go func() {
			ended <- p.Use(func(s *socket) error {
				met <- s
				return s.read()
			})
		}()
		synctest.Wait()
		if p.Put(first) != nil || len(met) != 0 {
			t.Error("somebody was there")
		}
		synctest.Wait()
		if before := p.Put(nil); before != first {
			t.Error("another was there")
		}
		close(first.closed)
		synctest.Wait()
		if s, err := p.Now(); s != nil || err != nil {
			t.Error(s, err)
		}
		p.Put(second)
		synctest.Wait()
		close(second.closed)
		if err := <-ended; !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		if one, other := <-met, <-met; one != first || other != second {
			t.Error("it met others")
		}
	})
}

// The deadline holds while there is no socket, and for each that comes.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace()
		read := func() error { return p.Use((*socket).read) }
		if err := p.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("without a socket:", err)
		}
		if err := p.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		p.Put(newSocket())
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("with one:", err)
		}
	})
}

// Closing ends who waits, and hands the socket over once.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace()
		ended := make(chan error, 1)
		go func() { ended <- p.Use((*socket).read) }()
		synctest.Wait()
		if last, err := p.Close(); last != nil || err != nil {
			t.Error(last, err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := p.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error("twice:", err)
		}
		if _, err := p.Now(); !errors.Is(err, net.ErrClosed) {
			t.Error("afterwards:", err)
		}

		p = newPlace()
		s := newSocket()
		p.Put(s)
		go func() { ended <- p.Use((*socket).read) }()
		synctest.Wait()
		if last, err := p.Close(); last != s || err != nil {
			t.Error(last, err)
		}
		close(s.closed)
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error("under the hands of a reader:", err)
		}
	})
}
