package utp

import (
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

const (
	// maxBatch is how many packets a batch has at most: what Linux takes for one call with UDP_SEGMENT.
	maxBatch = 64
	// maxDatagram is the largest UDP payload over IPv4, minDatagram the smallest packet that BEP 29 speaks of.
	maxDatagram, minDatagram = 65507, 150
)

// Batch is what Send wrote: packets behind each other, each Size bytes long except the last, which may be shorter. That is what
// generic segmentation offload takes in one call.
type Batch struct {
	Bytes   int
	Size    int
	Packets int
	// Fragment: these packets are larger than what the path carries now, and have to be sent without the bit that forbids
	// routers to cut them. It is rare: the path has become narrower. All others are to be sent with that bit, or probing for
	// the path's MTU finds a size that is cut underway. What the system refuses as too large needs no report: it is lost.
	Fragment bool
}

// action is what to send next.
type action uint8

const (
	sendNothing action = iota
	sendSyn
	sendReset
	sendState
	sendAgain // a lost packet
	sendData  // a new packet
	sendFin
)

// plan is one packet to be.
type plan struct {
	action     action
	seq        uint16 // of sendAgain
	n, padding int    // payload and padding, bytes
	size       int    // datagram, bytes
	fragment   bool
}

// The functions in this file are in the order in which a packet is made.

// Send writes packets to dst as long as there are some to be sent now. Dst should hold a few dozens of them; it must hold one of
// Path.MaxDatagram. With nothing to send it returns a Batch of 0 packets, and only then is Next right.
func (c *Conn) Send(now time.Time, dst []byte) (b Batch) {
	c.tick(now)
	for b.Packets < maxBatch {
		p := c.plan(now)
		if p.action == sendNothing || b.Bytes+p.size > len(dst) ||
			b.Packets > 0 && (p.size > b.Size || p.fragment != b.Fragment) {
			break
		}
		if b.Packets == 0 {
			b.Size, b.Fragment = p.size, p.fragment
		}
		c.emit(now, p, dst[b.Bytes:b.Bytes:b.Bytes+p.size])
		b.Bytes += p.size
		b.Packets++
		if p.size < b.Size {
			break
		}
	}
	return b
}

// tick does what time brings.
func (c *Conn) tick(now time.Time) {
	if c.state >= stateAborting {
		return
	}
	if due(now, c.endAt) {
		c.fail(nil)
		return
	}
	if due(now, c.lossAt) {
		c.detectLosses(now)
	}
	if due(now, c.rtoAt) {
		c.timedOut(now)
	}
	if due(now, c.keepAt) {
		c.acks.got(now, true)
		c.keepAt = now.Add(c.cfg.keepAlive())
	}
	if rto := c.rtt.timeout(0); c.state == stateOpen && c.out.flying == 0 && c.out.pending() > 0 && now.Sub(c.sentAt) >= rto {
		c.control.Idled(int(now.Sub(c.sentAt) / rto))
		c.sentAt = now
	}
	c.pacer.Advance(now, c.control.Window(), c.control.Starting(), c.rtt.smoothed)
	c.paceAt = time.Time{}
}

// timedOut acts when nothing was acknowledged for too long.
func (c *Conn) timedOut(now time.Time) {
	c.rtoAt = time.Time{}
	if c.state == stateDialing {
		if c.timeouts++; c.timeouts > c.cfg.synResends() {
			c.fail(ErrTimeout)
		}
		return
	}
	if c.out.flying == 0 {
		return
	}
	if c.out.flying == 1 && c.mtu.state == probeInFlight {
		// Only a probe is missing, and it has been so for long: it was too large.
		for seq := c.out.una; seq != c.out.next; seq++ {
			if c.out.at(seq).state == packetInFlight && c.out.lose(seq) {
				c.mtu.probeLost()
				return
			}
		}
	}
	allowed := c.cfg.resends()
	if c.in.deaf && c.in.end == endReached {
		allowed = min(allowed, 2) // the peer is about to forget us
	}
	if c.timeouts++; c.timeouts > allowed {
		c.fail(ErrTimeout)
		return
	}
	c.mtu.timedOut(c.out.at(c.out.una).n)
	if c.peer.size > 0 {
		c.control.TimedOut()
	}
	c.mtu.state = probeNone
	c.recovery = c.out.order
	c.out.loseAll()
	c.lossAt = time.Time{}
}

// armRTO sets the timeout if something is on its way and none is set.
func (c *Conn) armRTO(now time.Time) {
	if c.rtoAt.IsZero() && c.out.flying > 0 {
		c.rtoAt = now.Add(c.rtt.timeout(c.timeouts))
	}
}

// plan decides what goes out next. A selective acknowledgement goes by itself, so that all data packets have headers of one size.
func (c *Conn) plan(now time.Time) plan {
	switch c.state {
	case stateClosed:
		return plan{}
	case stateAborting:
		return plan{action: sendReset, size: wire.HeaderSize}
	case stateDialing:
		if c.rtoAt.IsZero() {
			return plan{action: sendSyn, size: wire.HeaderSize}
		}
		return plan{}
	}
	ack := c.acks.due(now)
	if ack && c.in.ahead.count > 0 {
		return c.planState()
	}
	p := c.planData(now)
	if p.action == sendNothing && ack {
		return c.planState()
	}
	return p
}

func (c *Conn) planState() plan {
	p := wire.Packet{SelectiveAck: c.selectiveAck(make([]byte, 0, wire.MaxSelectiveAck))}
	return plan{action: sendState, size: p.Size()}
}

func (c *Conn) selectiveAck(b []byte) []byte {
	return c.in.ahead.mask(b, c.in.ack, min(wire.MaxSelectiveAck, (c.mtu.payload()-2)&^3))
}

// planData decides on data: what is lost goes first. BEP 29: "A socket may only send a packet if cur_window + packet_size is less
// than or equal to min(max_window, wnd_size)."
func (c *Conn) planData(now time.Time) plan {
	o := &c.out
	p := plan{action: sendData}
	outstanding := o.inFlight + o.lostBytes
	switch {
	case o.lost > 0:
		p.action, p.seq = sendAgain, o.firstLost()
		p.n = o.at(p.seq).n
		outstanding = 0 // it has its place in the peer's window
	case o.pending() > 0:
		p.n = min(o.pending(), c.mtu.payload())
		small := p.n < c.mtu.payload() && o.flying > 0 && !c.cfg.NoDelay && o.end == finNone
		if small || int(o.next-o.una) >= c.peer.packets() {
			return c.held(false)
		}
	case o.end == finQueued:
		p.action = sendFin
	default:
		return c.held(false)
	}
	if outstanding+p.n > c.peer.size && p.n > 0 {
		if o.flying > 0 {
			return c.held(false)
		}
		// What a probe of a closed window carries may be refused, but is answered.
		if !c.peer.blocked(now) {
			c.limited = false
			return plan{}
		}
		if p.action == sendData {
			p.n = min(p.n, max(c.peer.size, 1))
		}
	}
	if o.inFlight > 0 && o.inFlight+p.n > c.control.Window() {
		return c.held(true)
	}
	if c.paceAt = c.pacer.Next(); !c.paceAt.IsZero() {
		return c.held(true)
	}
	// A probe has others around it, by which its loss is noticed.
	if p.action == sendData && min(o.pending(), c.control.Window()) >= 4*c.mtu.payload() {
		p.padding = c.mtu.padding(now)
	}
	p.size = wire.HeaderSize + p.padding + p.n
	p.fragment = p.action == sendAgain && p.size > c.mtu.size
	return p
}

// held notes why nothing more can be sent.
func (c *Conn) held(byControl bool) plan {
	c.limited = byControl
	c.peer.unblocked()
	return plan{}
}

// emit writes a packet and notes that it is on its way.
func (c *Conn) emit(now time.Time, p plan, dst []byte) {
	pkt := wire.Packet{
		Type:      wire.State,
		ConnID:    c.sendID,
		Timestamp: c.clock.micros(now),
		Delay:     c.reply,
		Window:    uint32(c.in.window()),
		Seq:       c.out.next,
		Ack:       c.in.ack,
	}
	switch p.action {
	case sendSyn:
		c.makeSyn(now, &pkt)
		pkt.Append(dst)
	case sendReset:
		pkt.Type = wire.Reset
		pkt.Append(dst)
		c.state = stateClosed
	case sendState:
		var mask [wire.MaxSelectiveAck]byte
		pkt.SelectiveAck = c.selectiveAck(mask[:0])
		pkt.Append(dst)
	default:
		c.emitData(now, p, &pkt, dst)
	}
	c.advertised = c.in.window()
	c.acks.sent()
	if k := c.cfg.keepAlive(); k > 0 && c.state == stateOpen {
		c.keepAt = now.Add(k)
	}
}

// makeSyn makes the packet a SYN. BEP 29: "all subsequent packets sent on this connection (except for re-sends of the ST_SYN)
// are sent with the connection ID + 1."
func (c *Conn) makeSyn(now time.Time, pkt *wire.Packet) {
	pkt.Type, pkt.ConnID, pkt.Seq = wire.Syn, c.recvID, c.out.next-1
	pkt.Window = uint32(c.cfg.receiveBuffer())
	c.sentAt = now
	c.rtoAt = now.Add(c.rtt.timeout(c.timeouts))
}

// emitData writes a packet with a place in the sequence.
func (c *Conn) emitData(now time.Time, p plan, pkt *wire.Packet, dst []byte) {
	switch p.action {
	case sendData:
		p.seq = c.out.push(wire.Data, p.n, p.padding)
		if p.padding > 0 {
			c.mtu.sent()
		}
	case sendFin:
		p.seq = c.out.push(wire.Fin, 0, 0)
		c.out.end = finSent
	}
	s := c.out.transmit(now, p.seq)
	pkt.Type, pkt.Seq, pkt.Padding = s.kind, p.seq, s.padding
	dst = pkt.Append(dst)
	c.out.data.copyAt(dst[len(dst):len(dst)+s.n], s.off)
	c.pacer.Sent(p.size)
	c.peer.sent(s.n)
	c.sentAt = now
	c.armRTO(now)
}
