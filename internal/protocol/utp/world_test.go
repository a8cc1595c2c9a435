package utp_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
)

var epoch = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// A link is one direction of a path: what it does to datagrams, in virtual time.
type link struct {
	delay     time.Duration
	jitter    time.Duration // reorders
	loss      float64
	duplicate float64
	mtu       int     // larger datagrams vanish, unless they may be cut; 0 for any
	noCut     bool    // cut ones vanish too
	rate      float64 // bytes per second; 0 for unlimited
	queue     time.Duration
	drift     float64 // of the receiver's clock against the sender's
	drop      func(pkt []byte) bool

	free              time.Time // when the last byte queued has left
	sent, lost, bytes int
	worst             time.Duration // in the queue, since it was last reset
}

// flight is a datagram on its way.
type flight struct {
	at  time.Time
	seq int
	to  *host
	pkt []byte
}

// host is one end: an endpoint and what a shell would keep.
type host struct {
	name    string
	addr    netip.AddrPort
	ep      *utp.Endpoint
	path    utp.Path
	out     *link
	peer    *host
	conns   []*utp.Conn
	batches int
	packets int
}

// world is two hosts and the way between them.
type world struct {
	t       testing.TB
	now     time.Time
	rng     *rand.Rand
	a, b    *host
	flights []flight // a heap
	seq     int
	buf     []byte
}

func newWorld(t testing.TB, seed uint64, there, back link) *world {
	return configured(t, seed, there, back, utp.Config{}, utp.Path{})
}

func configured(t testing.TB, seed uint64, there, back link, cfg utp.Config, path utp.Path) *world {
	w := &world{t: t, now: epoch, rng: rand.New(rand.NewPCG(seed, 1)), buf: make([]byte, 64<<10)}
	host := func(name, addr string, l *link) *host {
		return &host{
			name: name, addr: netip.MustParseAddrPort(addr), path: path, out: l,
			ep: utp.NewEndpoint(w.now, cfg, rand.New(rand.NewPCG(seed, uint64(len(addr))))),
		}
	}
	w.a, w.b = host("a", "192.0.2.1:1000", &there), host("b", "198.51.100.2:2000", &back)
	w.a.peer, w.b.peer = w.b, w.a
	return w
}

// dial opens a connection from a to b, which is there once something was sent.
func (w *world) dial() *utp.Conn {
	w.t.Helper()
	c, err := w.a.ep.Dial(w.now, w.b.addr, w.a.path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.a.conns = append(w.a.conns, c)
	return c
}

// pair is a connection that both ends know.
func (w *world) pair() (a, b *utp.Conn) {
	w.t.Helper()
	a = w.dial()
	w.until(time.Minute, "a connection", func() bool { return len(w.b.conns) == 1 })
	return a, w.b.conns[0]
}

// put sends a datagram over a link.
func (w *world) put(h *host, pkt []byte, mayCut bool) {
	l := h.out
	l.sent++
	l.bytes += len(pkt)
	h.packets++
	if l.mtu > 0 && len(pkt) > l.mtu && (!mayCut || l.noCut) || l.drop != nil && l.drop(pkt) || w.rng.Float64() < l.loss {
		l.lost++
		return
	}
	arrives := w.now
	if l.rate > 0 {
		l.free = later(l.free, w.now)
		wait := l.free.Sub(w.now)
		if wait > l.queue {
			l.lost++
			return
		}
		l.worst = max(l.worst, wait)
		l.free = l.free.Add(time.Duration(float64(len(pkt)+28) / l.rate * float64(time.Second)))
		arrives = l.free
	}
	times := 1
	if w.rng.Float64() < l.duplicate {
		times = 2
	}
	for range times {
		at := arrives.Add(l.delay)
		if l.jitter > 0 {
			at = at.Add(time.Duration(w.rng.Int64N(int64(l.jitter))))
		}
		w.seq++
		w.push(flight{at, w.seq, h.peer, bytes.Clone(pkt)})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (f flight) before(g flight) bool { return f.at.Before(g.at) || f.at.Equal(g.at) && f.seq < g.seq }

func (w *world) push(f flight) {
	w.flights = append(w.flights, f)
	for i := len(w.flights) - 1; i > 0; {
		up := (i - 1) / 2
		if !w.flights[i].before(w.flights[up]) {
			break
		}
		w.flights[i], w.flights[up] = w.flights[up], w.flights[i]
		i = up
	}
}

func (w *world) pop() flight {
	f, n := w.flights[0], len(w.flights)-1
	w.flights[0] = w.flights[n]
	w.flights = w.flights[:n]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < n; c++ {
			if w.flights[c].before(w.flights[least]) {
				least = c
			}
		}
		if least == i {
			return f
		}
		w.flights[i], w.flights[least] = w.flights[least], w.flights[i]
		i = least
	}
}

// here is the time on a host's clock: b's may run at another rate.
func (w *world) here(h *host) time.Time {
	if h != w.b {
		return w.now
	}
	return w.now.Add(time.Duration(float64(w.now.Sub(epoch)) * w.a.out.drift))
}

// flush lets a host send all that it wants to.
func (w *world) flush(h *host) {
	kept := h.conns[:0]
	for _, c := range h.conns {
		for {
			b := c.Send(w.here(h), w.buf)
			if b.Packets == 0 {
				break
			}
			h.batches++
			checkBatch(w.t, b)
			for rest := w.buf[:b.Bytes]; len(rest) > 0; {
				n := min(b.Size, len(rest))
				w.put(h, rest[:n], b.Fragment)
				rest = rest[n:]
			}
		}
		if h.batches%16 == 0 {
			checkConn(w.t, c)
		}
		if next := c.Next(); !next.IsZero() && !next.After(w.here(h)) {
			w.t.Fatalf("%s wants to be asked again at once, after it had nothing to send", h.name)
		}
		if c.Done() {
			h.ep.Remove(c)
		} else {
			kept = append(kept, c)
		}
	}
	h.conns = kept
}

func checkConn(t testing.TB, c *utp.Conn) {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
}

func checkBatch(t testing.TB, b utp.Batch) {
	t.Helper()
	if b.Size > b.Bytes || b.Packets > 64 || (b.Bytes+b.Size-1)/b.Size != b.Packets {
		t.Fatalf("not a batch: %+v", b)
	}
}

// step goes to the next event, which is not later than limit; false if there is none.
func (w *world) step(limit time.Time) bool {
	next := limit.Add(1)
	if len(w.flights) > 0 {
		next = w.flights[0].at
	}
	for _, h := range []*host{w.a, w.b} {
		for _, c := range h.conns {
			if t := c.Next(); !t.IsZero() {
				if h == w.b && w.a.out.drift != 0 {
					t = epoch.Add(time.Duration(float64(t.Sub(epoch))/(1+w.a.out.drift)) + time.Microsecond)
				}
				if t.Before(next) {
					next = t
				}
			}
		}
	}
	if next.After(limit) {
		w.now = limit
		return false
	}
	w.now = later(w.now, next)
	for len(w.flights) > 0 && !w.flights[0].at.After(w.now) {
		f := w.pop()
		w.deliver(f.to, f.to.peer.addr, f.pkt)
	}
	w.flush(w.a)
	w.flush(w.b)
	return true
}

// deliver hands a datagram to a host, as a shell does.
func (w *world) deliver(h *host, from netip.AddrPort, pkt []byte) {
	var buf [64]byte
	r := h.ep.Route(w.here(h), from, pkt, buf[:0], h.path)
	if len(r.Reply) > len(pkt) {
		w.t.Fatalf("answered %d bytes with %d", len(pkt), len(r.Reply))
	}
	if r.Accepted {
		h.conns = append(h.conns, r.Conn)
	}
	if r.Conn != nil {
		r.Conn.Receive(w.here(h), pkt)
	}
	if r.Reply != nil {
		w.put(h, r.Reply, false)
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.flush(w.a)
	w.flush(w.b)
	for limit := w.now.Add(d); w.step(limit); {
	}
}

// until lets time pass until something holds, and fails if it does not within d.
func (w *world) until(d time.Duration, what string, holds func() bool) {
	w.t.Helper()
	w.flush(w.a)
	w.flush(w.b)
	for limit := w.now.Add(d); !holds(); {
		if !w.step(limit) {
			w.t.Fatalf("no %s within %v", what, d)
		}
	}
}

// A transfer moves bytes made of a seed from one connection to another and checks each.
type transfer struct {
	from, to       *utp.Conn
	source, expect *rand.ChaCha8
	left, got      int
	ended          bool
	err            error
	spare          []byte // made and not yet taken
	made           [16 << 10]byte
	heard, want    [16 << 10]byte
}

func newTransfer(from, to *utp.Conn, n int) *transfer {
	var seed [32]byte
	seed[0] = byte(n)
	return &transfer{from: from, to: to, source: rand.NewChaCha8(seed), expect: rand.NewChaCha8(seed), left: n}
}

// pump writes and reads what is possible now.
func (x *transfer) pump(t testing.TB) {
	t.Helper()
	for x.left > 0 || len(x.spare) > 0 {
		if len(x.spare) == 0 {
			x.spare = x.made[:min(x.left, len(x.made))]
			_, _ = x.source.Read(x.spare)
			x.left -= len(x.spare)
		}
		n, err := x.from.Write(x.spare)
		if err != nil {
			x.err = err
			return
		}
		if x.spare = x.spare[n:]; n == 0 {
			break
		}
	}
	if x.left == 0 && len(x.spare) == 0 {
		x.from.CloseWrite()
	}
	if x.to == nil {
		return
	}
	for {
		n, err := x.to.Read(x.heard[:])
		if errors.Is(err, io.EOF) {
			x.ended = true
			return
		} else if err != nil {
			x.err = err
			return
		}
		if n == 0 {
			return
		}
		_, _ = x.expect.Read(x.want[:n])
		if !bytes.Equal(x.heard[:n], x.want[:n]) {
			t.Fatalf("byte %d or one soon after is wrong", x.got)
		}
		x.got += n
	}
}

// transfer moves n bytes from a to b and returns how long that took.
func (w *world) transfer(n int, within time.Duration) time.Duration {
	w.t.Helper()
	began := w.now
	x := newTransfer(w.dial(), nil, n)
	x.pump(w.t) // so that it is not only one packet that tells b that a is there
	w.until(time.Minute, "connection", func() bool { return len(w.b.conns) == 1 })
	x.to = w.b.conns[0]
	w.until(within, "end of the transfer", func() bool { x.pump(w.t); return x.ended || x.err != nil })
	if x.err != nil || x.got != n {
		w.t.Fatalf("%d bytes of %d, %v", x.got, n, x.err)
	}
	took := w.now.Sub(began)
	x.from.Close(w.now)
	x.to.Close(w.now)
	w.until(time.Minute, "end of the connection", func() bool { return w.a.ep.Len() == 0 && w.b.ep.Len() == 0 })
	return took
}
