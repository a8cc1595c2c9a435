package utp

import (
	"math/rand/v2"
	"net/netip"
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

const (
	// resetRate and resetBurst bound the answers to packets of nobody's connection: per second, and at once.
	resetRate, resetBurst = 50, 100
	// idTries is how often a free connection id is looked for.
	idTries = 64
)

// Endpoint is all connections of one UDP socket: it finds the one that a datagram is for, and answers the rest.
//
// Its methods must not run at the same time. They may run at the same time as methods of a [Conn].
type Endpoint struct {
	cfg   Config
	rng   *rand.Rand
	clock clock
	conns map[key]*Conn
	half  halfOpens
	last  *Conn // that a datagram was for; the next is often too

	resets   float64 // that may be sent
	resetsAt time.Time
}

// NewEndpoint makes an endpoint. Connection ids and first sequence numbers come from rng; an attacker must not be able to guess
// them, so its source is one of cryptographic strength. Now is where the clock of its timestamps begins.
func NewEndpoint(now time.Time, cfg Config, rng *rand.Rand) *Endpoint {
	if cfg.Memory == nil {
		cfg.Memory = NewMemory(DefaultMemory)
	}
	return &Endpoint{
		cfg: cfg, rng: rng, clock: clock{epoch: now}, conns: map[key]*Conn{}, half: newHalfOpens(), resets: resetBurst, resetsAt: now,
	}
}

// Dial opens a connection; its first Send makes the SYN. The address is never an IPv4 one in IPv6 form.
func (e *Endpoint) Dial(now time.Time, remote netip.AddrPort, path Path) (*Conn, error) {
	if len(e.conns) >= e.cfg.maxConns() {
		return nil, ErrFull
	}
	for range idTries {
		id := uint16(e.rng.Uint32())
		if e.taken(key{remote, id}) || e.taken(key{remote, id + 1}) || e.taken(key{remote, id - 1}) {
			continue
		}
		c := newConn(now, remote, id, id+1, &e.cfg, e.clock, path)
		// BEP 29 begins with sequence number 1; a random one is harder to answer for somebody who does not see it.
		c.out.next = uint16(e.rng.Uint32())
		c.out.una = c.out.next
		e.conns[key{remote, id}] = c
		return c, nil
	}
	return nil, ErrNoID
}

func (e *Endpoint) taken(k key) bool { return e.conns[k] != nil || e.half.byKey[k] != nil }

// Routed is what has to be done with a datagram.
type Routed struct {
	// Conn is whose Receive is to be called with it; nil for none.
	Conn *Conn
	// Accepted: Conn is new, opened by the peer.
	Accepted bool
	// Reply is to be sent back to where the datagram came from; nil for nothing. It is never longer than the datagram.
	Reply []byte
}

// Route finds what a datagram is for. A reply is appended to reply[:0], for which 20 bytes are enough. Path is for a connection
// that the peer opens.
//
// Nobody is sent more bytes than came from there before the address is proven: a SYN is answered by one packet without payload,
// never by itself sent again.
func (e *Endpoint) Route(now time.Time, from netip.AddrPort, pkt, reply []byte, path Path) Routed {
	var p wire.Packet
	if p.Parse(pkt) != nil {
		return Routed{}
	}
	k := key{from, p.ConnID}
	if c := e.last; c != nil && c.recvID == p.ConnID && c.remote == from && p.Type != wire.Syn {
		return Routed{Conn: c}
	}
	switch p.Type {
	case wire.Syn:
		return e.routeSyn(now, from, &p, reply)
	case wire.Reset:
		return Routed{Conn: e.findReset(k)}
	}
	if c := e.conns[k]; c != nil {
		e.last = c
		return Routed{Conn: c}
	}
	if h := e.half.byKey[k]; h != nil {
		return e.accept(now, h, &p, path)
	}
	return e.routeUnknown(now, &p, reply)
}

// routeSyn answers a SYN. BEP 29: "When receiving an ST_SYN, the new socket should be initialized with the ID in the packet header.
// The send ID for the socket should be initialized to the ID + 1" - where the ids are meant the other way round, as its diagram has
// them and everyone does it.
func (e *Endpoint) routeSyn(now time.Time, from netip.AddrPort, p *wire.Packet, reply []byte) Routed {
	k := key{from, p.ConnID + 1}
	if c := e.conns[k]; c != nil {
		return Routed{Conn: c}
	}
	h := e.half.byKey[k]
	if h != nil && h.ack != p.Seq {
		e.half.remove(h)
		h = nil
	}
	if h == nil {
		if len(e.conns) >= e.cfg.maxConns() {
			return Routed{}
		}
		h = &halfOpen{key: k, seq: uint16(e.rng.Uint32()), ack: p.Seq, expires: now.Add(halfOpenFor)}
		e.half.add(now, h, e.cfg.maxHalfOpen(), e.cfg.maxHalfOpenPerAddr())
	}
	answer := wire.Packet{Type: wire.State, Seq: h.seq, Ack: h.ack, Window: uint32(e.cfg.receiveBuffer())}
	return e.reply(now, p, &answer, reply)
}

// accept opens a connection if the packet proves that its sender is where it says.
func (e *Endpoint) accept(now time.Time, h *halfOpen, p *wire.Packet, path Path) Routed {
	if !h.prove(now, p.Ack) {
		return Routed{}
	}
	e.half.remove(h)
	if len(e.conns) >= e.cfg.maxConns() {
		return Routed{}
	}
	c := newConn(now, h.remote, h.recvID, h.recvID-1, &e.cfg, e.clock, path)
	c.state = stateOpen
	c.out.una, c.out.next = h.seq, h.seq
	c.in = newIncoming(h.ack, e.cfg.receiveBuffer(), e.cfg.Memory)
	e.conns[h.key] = c
	e.last = c
	return Routed{Conn: c, Accepted: true}
}

// findReset finds the connection that a RESET is for: by the id we receive with, or by the one we send with.
func (e *Endpoint) findReset(k key) *Conn {
	if c := e.conns[k]; c != nil {
		return c
	}
	for _, id := range [2]uint16{k.recvID - 1, k.recvID + 1} {
		if c := e.conns[key{k.remote, id}]; c != nil && c.sendID == k.recvID {
			return c
		}
	}
	return nil
}

// routeUnknown tells the sender of a packet of nobody's connection so. BEP 29, of ST_RESET: "The remote host does not have any
// state for this connection."
func (e *Endpoint) routeUnknown(now time.Time, p *wire.Packet, reply []byte) Routed {
	e.resets = min(e.resets+resetRate*max(now.Sub(e.resetsAt), 0).Seconds(), resetBurst)
	e.resetsAt = now
	if e.resets < 1 {
		return Routed{}
	}
	e.resets--
	return e.reply(now, p, &wire.Packet{Type: wire.Reset, Seq: uint16(e.rng.Uint32()), Ack: p.Seq}, reply)
}

// reply completes an answer without extensions, which is not longer than any packet.
func (e *Endpoint) reply(now time.Time, to, answer *wire.Packet, b []byte) Routed {
	answer.ConnID = to.ConnID
	answer.Timestamp = e.clock.micros(now)
	if to.Timestamp != 0 {
		answer.Delay = answer.Timestamp - to.Timestamp
	}
	return Routed{Reply: answer.Append(b[:0])}
}

// Remove forgets a connection. What still comes for it is answered by a RESET.
func (e *Endpoint) Remove(c *Conn) {
	if k := (key{c.remote, c.recvID}); e.conns[k] == c {
		delete(e.conns, k)
	}
	if e.last == c {
		e.last = nil
	}
}

// Len is how many connections there are, without the half-open ones.
func (e *Endpoint) Len() int { return len(e.conns) }
