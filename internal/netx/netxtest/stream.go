package netxtest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how much a stream holds that the other side has not read, like the socket buffers of a real one.
const window = 256 << 10

// stream is one direction of a connection.
type stream struct {
	world    *World
	from, to *Host

	mu       sync.Mutex
	cond     *sync.Cond
	chunks   []chunk
	size     int
	idle     time.Time // when the link has carried all that was written
	finished bool      // by the writer: end of file after what is left
	unread   bool      // by the reader: writes fail
	err      error     // connection reset
	rdl, wdl deadline
}

type chunk struct {
	data []byte
	at   time.Time // arrival
}

func newStream(w *World, from, to *Host) *stream {
	s := &stream{world: w, from: from, to: to}
	s.cond = sync.NewCond(&s.mu)
	w.mu.Lock()
	w.streams[s] = struct{}{}
	w.mu.Unlock()
	return s
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cond.Broadcast()
}

// deadline wakes those who wait when its time has come.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) set(at time.Time, wake func()) {
	if d.timer != nil {
		d.timer.Stop()
	}
	d.at, d.timer = at, nil
	switch {
	case at.IsZero():
	case d.passed():
		go wake() // as the timer would; in virtual time, those that are due at once crash the race detector of Go 1.26
	default:
		d.timer = time.AfterFunc(time.Until(at), wake)
	}
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.unread:
			return 0, net.ErrClosed
		case s.rdl.passed():
			return 0, os.ErrDeadlineExceeded
		case s.err != nil:
			return 0, s.err
		case len(p) == 0:
			return 0, nil
		}
		if !s.world.link(s.from, s.to).Cut {
			if n := s.take(p); n > 0 {
				return n, nil
			}
			if s.finished && len(s.chunks) == 0 {
				return 0, io.EOF
			}
		}
		s.cond.Wait()
	}
}

// take moves what has arrived to p.
func (s *stream) take(p []byte) int {
	now := time.Now()
	n := 0
	for n < len(p) && len(s.chunks) > 0 && !s.chunks[0].at.After(now) {
		c := &s.chunks[0]
		k := copy(p[n:], c.data)
		n += k
		if c.data = c.data[k:]; len(c.data) == 0 {
			s.chunks = s.chunks[1:]
		}
	}
	if n > 0 {
		s.size -= n
		s.cond.Broadcast()
	}
	return n
}

func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for {
		switch {
		case s.finished:
			return n, net.ErrClosed
		case s.wdl.passed():
			return n, os.ErrDeadlineExceeded
		case s.err != nil:
			return n, s.err
		case s.unread:
			return n, syscall.EPIPE
		case n == len(p):
			return n, nil
		}
		if room := window - s.size; room > 0 {
			k := min(room, len(p)-n)
			s.put(p[n : n+k])
			n += k
			continue
		}
		s.cond.Wait()
	}
}

// put sends a copy of p on its way.
func (s *stream) put(p []byte) {
	link := s.world.link(s.from, s.to)
	now := time.Now()
	if s.idle.Before(now) {
		s.idle = now
	}
	if link.Bandwidth > 0 {
		s.idle = s.idle.Add(time.Duration(float64(len(p)) / float64(link.Bandwidth) * float64(time.Second)))
	}
	at := s.idle.Add(link.Delay)
	s.chunks = append(s.chunks, chunk{append([]byte(nil), p...), at})
	s.size += len(p)
	if wait := at.Sub(now); wait > 0 {
		time.AfterFunc(wait, s.wake)
	} else {
		s.cond.Broadcast()
	}
}

// finish is the writer's end of the stream.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	s.wdl.set(time.Time{}, nil)
	s.cond.Broadcast()
}

// abandon is the reader's end of the stream.
func (s *stream) abandon() {
	s.mu.Lock()
	s.unread = true
	s.chunks, s.size = nil, 0
	s.rdl.set(time.Time{}, nil)
	s.cond.Broadcast()
	s.mu.Unlock()
	s.world.mu.Lock()
	delete(s.world.streams, s)
	s.world.mu.Unlock()
}

func (s *stream) reset(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.cond.Broadcast()
}

// conn is one end of a connection. It implements net.Conn.
type conn struct {
	in, out       *stream
	local, remote netip.AddrPort
	once          sync.Once
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// wrap gives errors the form that the net package gives them.
func (c *conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = nil
		c.out.finish()
		c.in.abandon()
	})
	return err
}

// CloseWrite ends our direction only, as of a net.TCPConn.
func (c *conn) CloseWrite() error {
	c.out.finish()
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.rdl.set(t, c.in.wake)
	c.in.cond.Broadcast()
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.wdl.set(t, c.out.wake)
	c.out.cond.Broadcast()
	return nil
}
