package utp

import (
	"io"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp/congestion"
)

// maxClosing bounds how long a closed connection waits for the peer to take what is left.
const maxClosing = time.Minute

// state is where a connection stands. The ends of its two streams are in outgoing and incoming.
type state uint8

const (
	stateDialing   state = iota // a SYN is out
	stateOpen                   // the peer is known to be there
	stateLingering              // all is said; late FINs are still acknowledged
	stateAborting               // a RESET is to be sent
	stateClosed                 // nothing more is sent or received
)

// Conn is one connection. Its methods must not run at the same time, those of different connections may.
//
// A shell calls Receive with all packets it has, then Send until that has nothing more; Send also after Write, Read, Close or
// Abort, and when the time of Next has come. When Done, the shell takes the connection out of its [Endpoint].
type Conn struct {
	remote netip.AddrPort
	// BEP 29: "Each socket has one connection ID for sending packets and a different connection ID for receiving packets."
	recvID, sendID uint16
	cfg            *Config
	clock          clock

	state state
	err   error // why it ended; nil if it did not or as it should

	out  outgoing
	in   incoming
	peer peerWindow
	acks acks

	rtt     rtt
	control congestion.Controller
	pacer   congestion.Pacer
	mtu     mtu
	ours    congestion.DelayHistory // of what we send, as the peer measures
	theirs  congestion.DelayHistory // of what the peer sends
	reply   uint32                  // last measurement for the peer, microseconds

	timeouts   int    // in a row
	recovery   uint64 // transmissions before it are of the window that was cut
	advertised int    // window the peer knows of
	limited    bool   // congestion control kept us from sending more

	rtoAt, lossAt, paceAt, keepAt, endAt time.Time
	sentAt                               time.Time // last data
}

func newConn(now time.Time, remote netip.AddrPort, recvID, sendID uint16, cfg *Config, clock clock, path Path) *Conn {
	return &Conn{
		remote: remote, recvID: recvID, sendID: sendID, cfg: cfg, clock: clock,
		control: newController(path.Control),
		mtu:     newMTU(remote.Addr(), path),
		out:     outgoing{data: fifo{account: &account{memory: cfg.Memory}}},
		in:      newIncoming(0, 0, cfg.Memory), // until the peer's first number is known
		sentAt:  now,
	}
}

func newController(c Control) congestion.Controller {
	if c == Scalable {
		return congestion.NewCubic()
	}
	return congestion.NewLedbat()
}

// Remote is the peer's address.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Connected reports whether the peer has answered; what is written before that waits.
func (c *Conn) Connected() bool { return c.state == stateOpen }

// Done reports that nothing will be sent or received any more. What was received can still be read.
func (c *Conn) Done() bool { return c.state == stateClosed }

// Err is why the connection broke: ErrReset, ErrRefused, ErrTimeout, ErrClosed after Abort; nil otherwise.
func (c *Conn) Err() error { return c.err }

// Readable reports whether Read would return bytes, io.EOF or an error.
func (c *Conn) Readable() bool {
	return c.in.data.len() > 0 || c.in.ended() || c.state >= stateAborting
}

// Read takes bytes in their order. It never blocks: with nothing there it returns 0 and nil. Io.EOF is the peer's FIN.
func (c *Conn) Read(p []byte) (int, error) {
	if n := c.in.data.read(p); n > 0 {
		c.reopen()
		return n, nil
	}
	switch {
	case c.in.ended() && !c.in.deaf:
		return 0, io.EOF
	case c.err != nil:
		return 0, c.err
	case c.in.deaf:
		return 0, ErrClosed
	}
	return 0, nil
}

// reopen tells the peer of room, when it was about to stop for the lack of it.
func (c *Conn) reopen() {
	opened := c.in.window() - c.advertised
	if c.state == stateOpen && c.in.end == endUnknown && opened > 0 &&
		(opened >= c.in.capacity/2 || c.advertised < c.in.capacity/4 && opened >= c.in.capacity/8) {
		c.acks.urgent = true
	}
}

// Writable is how many bytes Write would take.
func (c *Conn) Writable() int {
	if c.out.end != finNone || c.state > stateOpen {
		return 0
	}
	room := min(c.cfg.sendBuffer(), max(256<<10, 2*c.control.Window())) - c.out.data.len()
	return max(0, min(room, c.out.data.account.room()))
}

// Write copies as much of p as there is room for. It never blocks: with no room it returns 0 and nil.
func (c *Conn) Write(p []byte) (int, error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case c.out.end != finNone || c.state > stateOpen:
		return 0, ErrClosed
	}
	p = p[:min(len(p), c.Writable())]
	c.out.data.write(p)
	return len(p), nil
}

// CloseWrite ends our stream with a FIN after what is written; the peer's goes on. Libtorrent before 2.0.9 and libutp before
// 2018 take it for the end of both.
func (c *Conn) CloseWrite() {
	if c.out.end == finNone {
		c.out.end = finQueued
	}
}

// Close ends both streams. What is written is still delivered, what arrives is dropped. The connection is Done when the peer
// has acknowledged, or after a minute.
func (c *Conn) Close(now time.Time) {
	switch c.state {
	case stateDialing:
		c.fail(ErrClosed)
	case stateOpen:
		c.CloseWrite()
		if !c.in.deaf {
			c.in.deafen()
			c.endAt = now.Add(maxClosing)
		}
		c.linger(now)
	case stateClosed:
		c.in.deafen()
	}
}

// Abort ends the connection at once; the peer is told by a RESET.
func (c *Conn) Abort() {
	switch c.state {
	case stateDialing:
		c.fail(ErrClosed)
	case stateOpen, stateLingering:
		c.fail(ErrClosed)
		c.in.deafen()
		c.state = stateAborting
	}
}

// fail ends the connection for a reason. What was received in order stays readable.
func (c *Conn) fail(err error) {
	c.state, c.err = stateClosed, err
	c.out.drop()
	c.in.ahead.clear()
	c.acks.sent()
}

// linger goes over to waiting when both sides have closed: for as long as the peer may send its FIN again.
func (c *Conn) linger(now time.Time) {
	if c.state == stateOpen && c.in.deaf && c.out.end == finAcked {
		c.state = stateLingering
		c.endAt = now.Add(2 * c.rtt.timeout(0))
	}
}

// Next is when Send must be called at the latest: the zero time for not before something happens, a time in the past for now.
func (c *Conn) Next() time.Time {
	switch {
	case c.state == stateClosed:
		return time.Time{}
	case c.state == stateAborting || c.acks.urgent || c.state == stateDialing && c.rtoAt.IsZero():
		return c.clock.epoch
	}
	return earliest(c.acks.by, c.rtoAt, c.lossAt, c.paceAt, c.keepAt, c.endAt, c.peer.probeAt)
}

// Stats are measurements of a connection.
type Stats struct {
	RTT      time.Duration // smoothed
	Delay    time.Duration // in queues on the way to the peer
	Window   int           // congestion window, bytes
	InFlight int           // bytes
	Rate     float64       // at which packets leave, bytes per second; 0 for unlimited
	Datagram int           // largest UDP payload known to pass, bytes
}

// Stats returns the measurements as they are now.
func (c *Conn) Stats() Stats {
	return Stats{
		RTT: c.rtt.smoothed, Delay: c.ours.Queueing(), Window: c.control.Window(), InFlight: c.out.inFlight,
		Rate: c.pacer.Rate(), Datagram: c.mtu.size,
	}
}
