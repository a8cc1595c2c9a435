package utp

import (
	"math"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp/congestion"
	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

const (
	// staleAcks is by how many packets an acknowledgement may be older than the newest: reordered, and not made up.
	staleAcks = 1024
	// unknownDelay is what uTorrent sends in place of 0 when it has measured nothing.
	unknownDelay = math.MaxInt32
)

// The functions in this file are in the order in which a packet meets them.

// Receive takes a packet that the [Endpoint] found to be of this connection. What is not right is dropped without a word: anyone
// can send it in the peer's name.
func (c *Conn) Receive(now time.Time, pkt []byte) {
	var p wire.Packet
	if p.Parse(pkt) != nil || c.state >= stateAborting {
		return
	}
	switch {
	case p.Type == wire.Reset:
		c.receiveReset(&p)
	case p.Type == wire.Syn:
		// Our answer to it was lost, or is on its way.
		if c.state == stateOpen && p.ConnID == c.sendID && p.Seq == c.in.ack {
			c.acks.got(now, true)
		}
	case p.ConnID != c.recvID:
	case c.state == stateDialing:
		c.receiveAnswer(now, &p)
	case c.plausible(&p):
		c.receive(now, &p)
	}
}

// receiveReset ends the connection if the packet names one that we have sent. It comes under either id: who does not know the
// connection can only repeat the id that it was sent.
func (c *Conn) receiveReset(p *wire.Packet) {
	switch {
	case p.ConnID != c.recvID && p.ConnID != c.sendID:
	case c.state == stateDialing:
		if p.Ack == c.out.next-1 {
			c.fail(ErrRefused)
		}
	// A STATE of ours carries the number that we will use next.
	case before(p.Ack, c.out.una-1-staleAcks) || before(c.out.next, p.Ack):
	case c.state == stateLingering || c.in.deaf && c.in.end == endReached:
		c.fail(nil)
	default:
		c.fail(ErrReset)
	}
}

// receiveAnswer takes the answer to our SYN. Data that overtook it is dropped: it cannot be told whether it is the first.
func (c *Conn) receiveAnswer(now time.Time, p *wire.Packet) {
	if p.Type != wire.State || p.Ack != c.out.next-1 {
		return
	}
	// The first packet of the peer will have the number that its answer has: libtorrent and libutp do not count that, against
	// BEP 29's diagram and with its sentence "Packets that don't include any payload do not increase the seq_nr."
	c.in = newIncoming(p.Seq-1, c.cfg.receiveBuffer(), c.cfg.Memory)
	c.state, c.rtoAt = stateOpen, time.Time{}
	if c.timeouts == 0 {
		c.rtt.add(now.Sub(c.sentAt))
	}
	c.timeouts = 0
	c.receive(now, p)
	// The peer sends nothing before it knows that our address is real.
	c.acks.got(now, false)
}

// plausible reports whether a packet acknowledges what was sent.
func (c *Conn) plausible(p *wire.Packet) bool {
	return !before(c.out.next-1, p.Ack) && !before(p.Ack, c.out.una-1-staleAcks)
}

func (c *Conn) receive(now time.Time, p *wire.Packet) {
	if k := c.cfg.keepAlive(); k > 0 {
		c.keepAt = now.Add(k)
	}
	c.measure(now, p)
	c.receiveAck(now, p)
	if p.Type == wire.Data || p.Type == wire.Fin {
		c.receivePayload(now, p)
	}
	c.linger(now)
}

// measure takes the delays. BEP 29: "Whenever a packet is received, this state is updated by subtracting timestamp_microseconds
// from the hosts current time".
func (c *Conn) measure(now time.Time, p *wire.Packet) {
	if p.Timestamp != 0 {
		c.reply = c.clock.micros(now) - p.Timestamp
		c.ours.Drifted(c.theirs.Add(now, c.reply))
	}
	if p.Delay != 0 && p.Delay != unknownDelay {
		c.ours.Add(now, p.Delay)
	}
}

// receiveAck takes what a packet acknowledges.
func (c *Conn) receiveAck(now time.Time, p *wire.Packet) {
	if before(p.Ack, c.out.una-1) {
		return // of the past, and so is its window
	}
	sameWindow := int(p.Window) == c.peer.size
	c.peer.set(p.Window)
	inFlight := c.out.inFlight
	n := c.out.acknowledge(now, p.Ack, p.SelectiveAck, c.rtt.least)
	if n.packets > 0 || c.out.una != c.out.next && c.out.at(c.out.una).n > c.peer.size {
		c.timeouts = 0 // it is there, and takes what it has room for
	}
	if n.packets > 0 {
		if n.rtt > 0 {
			c.rtt.add(n.rtt)
		}
		c.mtu.arrived(n.largest)
		if n.probe {
			c.mtu.probeAcked()
		}
		c.rtoAt = time.Time{}
		c.armRTO(now)
		if n.bytes > 0 {
			c.control.Acked(now, congestion.Progress{
				Bytes: n.bytes, InFlight: inFlight, Packet: c.mtu.payload(), Limited: c.limited, RTT: c.rtt.smoothed,
				// A packet is never longer in a queue than it is on its way.
				Delay: min(c.ours.Queueing(), c.rtt.latest),
			})
		}
	} else if p.Type == wire.State && len(p.SelectiveAck) == 0 && sameWindow && p.Ack == c.out.una-1 {
		c.lose(now, c.out.duplicate())
	}
	if len(p.SelectiveAck) > 0 || c.out.resent > 0 || !c.lossAt.IsZero() {
		c.detectLosses(now)
	}
}

func (c *Conn) detectLosses(now time.Time) {
	l := c.out.detect(now, c.rtt.patience())
	c.lossAt = l.again
	c.lose(now, l)
}

// lose draws the consequences of losses. A probe that is lost alone says that it was too large.
func (c *Conn) lose(now time.Time, l losses) {
	switch {
	case l.probe && l.packets == 1:
		c.mtu.probeLost()
	case l.probe:
		c.mtu.state = probeNone
	}
	if l.newest > c.recovery {
		c.recovery = c.out.order
		c.control.Lost(now)
	}
}

// receivePayload takes data or the end of it. BEP 29's FIN has no payload, that of libtorrent before 2.0.9 may have.
func (c *Conn) receivePayload(now time.Time, p *wire.Packet) {
	gap := c.in.ahead.count > 0
	got := c.in.accept(p.Seq, p.Payload, p.Type == wire.Fin)
	// Whoever misses a packet, or fills a gap, tells at once: that is what the peer finds losses by (RFC 5681, 4.2).
	c.acks.got(now, got != arrivedInOrder || gap || p.Type == wire.Fin)
}
