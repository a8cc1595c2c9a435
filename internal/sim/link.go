package sim

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"
)

// Patience with those who do not answer, as the real shell has it.
const (
	dialPatience      = 8 * time.Second
	handshakePatience = 10 * time.Second
	writePatience     = 60 * time.Second
	payloadPatience   = 60 * time.Second
)

var (
	errBroken   = errors.New("connection reset")
	errTimeout  = errors.New("timed out")
	errShutDown = errors.New("shutting down")
)

// link is a connection: two flows of bytes, each in order, each late.
type link struct {
	w     *world
	ends  [2]*end
	delay time.Duration
	// mute: what is sent vanishes, and nobody is told.
	mute bool
}

// dial is an attempt at a connection with whoever is at an address by the time it gets there.
func (w *world) dial(r *run, addr netip.AddrPort, try int) {
	l := &link{w: w, delay: w.plan.MinDelay + time.Duration(w.rng.Int64N(int64(w.plan.MaxDelay-w.plan.MinDelay)))}
	from := newEnd(r, l, addr)
	from.outgoing, from.try = true, try
	r.ends = append(r.ends, from)
	w.after(l.delay, func() {
		n := w.machineAt(addr)
		switch {
		case from.closed:
		case n == nil || !n.plan.Reachable && n != r.n:
			// A router that drops it, or nobody there.
			w.after(dialPatience-l.delay, func() { from.hangUp(errTimeout) })
		case n.run == nil:
			w.after(l.delay, func() { from.hangUp(errBroken) })
		default:
			r.n.ports++
			to := newEnd(n.run, l, netip.AddrPortFrom(r.n.addr.Addr(), r.n.ports))
			l.ends = [2]*end{from, to}
			w.links = append(w.links, l)
			n.run.ends = append(n.run.ends, to)
			to.expectHandshake()
			w.after(l.delay, from.speakFirst)
		}
	})
}

// machineAt is the node that has an address, up or not.
func (w *world) machineAt(addr netip.AddrPort) *node {
	for _, n := range w.nodes {
		if n.addr == addr {
			return n
		}
	}
	return nil
}

// other is the far end; nil while the connection is being made.
func (e *end) other() *end {
	if e.link.ends[0] == e {
		return e.link.ends[1]
	}
	return e.link.ends[0]
}

// transmit puts bytes on their way: through the node's own narrow line, over the distance, through the other's line.
func (e *end) transmit(b []byte) {
	w, l := e.run.n.w, e.link
	e.busy = true
	e.flying += len(b)
	sent := later(w.now, e.run.n.upFree).Add(takes(len(b), e.run.n.plan.Up))
	e.run.n.upFree = sent
	w.at(sent, func() {
		if !l.mute {
			e.busy = false
			e.pump()
		}
	})
	w.at(sent.Add(l.delay), func() { e.arrive(b) })
	e.expectProgress()
}

// window is how many bytes of one flow may be on their way, for a delay and the rate of the narrower line: what is sent
// waits at the sender, as with TCP, and not in the network.
func (e *end) window() int {
	rate := min(e.run.n.plan.Up, e.other().run.n.plan.Down)
	return max(32<<10, int(3*e.link.delay.Seconds()*float64(rate)))
}

// expectProgress hangs up when nothing that is on its way gets there for too long.
func (e *end) expectProgress() {
	mark := e.reached
	e.run.n.w.after(writePatience, func() {
		if e.flying > 0 && e.reached == mark {
			e.hangUp(errTimeout)
		}
	})
}

// arrive is at the other end's line. What was sent by an end that has hung up since is lost, as with a reset.
func (e *end) arrive(b []byte) {
	to, w := e.other(), e.run.n.w
	if e.closed || to.closed || e.link.mute {
		return
	}
	n := to.run.n
	through := func(part []byte) {
		n.downFree = later(w.now, n.downFree).Add(takes(len(part), n.plan.Down))
		w.at(n.downFree, func() {
			to.take(part)
			w.after(e.link.delay, func() { e.acknowledged(len(part)) })
		})
	}
	// Reads cut the flow anywhere.
	cut := w.rng.IntN(2*len(b) + 1)
	if cut > 0 && cut < len(b) {
		through(b[:cut:cut])
		b = b[cut:]
	}
	through(b)
}

// acknowledged is told that bytes have reached the other side.
func (e *end) acknowledged(n int) {
	if e.link.mute {
		return
	}
	e.flying -= n
	e.reached += n
	e.pump()
}

// hangUp closes this end; the other one learns of it later, unless the link is mute.
func (e *end) hangUp(cause error) {
	if e.closed {
		return
	}
	e.leave(cause)
	w, to := e.run.n.w, e.other()
	if to == nil || to.closed {
		w.links = slices.DeleteFunc(w.links, func(l *link) bool { return l == e.link })
	} else if !e.link.mute {
		w.after(e.link.delay, func() { to.hangUp(io.EOF) })
	}
}

// planBreak breaks some connection some time from now, again and again.
func (w *world) planBreak() {
	mean := float64(w.plan.Breaks) / float64(max(1, len(w.links)))
	w.after(time.Duration(mean*w.rng.ExpFloat64()), func() {
		if len(w.links) > 0 {
			l := w.links[w.rng.IntN(len(w.links))]
			if w.rng.Float64() < w.plan.Silent {
				l.mute = true
				w.notef(l.ends[0].run.n.i, "link with %d goes mute", l.ends[1].run.n.i)
			} else {
				w.notef(l.ends[0].run.n.i, "link with %d breaks", l.ends[1].run.n.i)
				l.ends[0].hangUp(errBroken)
				l.ends[1].hangUp(errBroken)
			}
		}
		w.planBreak()
	})
}
