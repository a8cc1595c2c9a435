package bittorrent

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// Buffer sizes. An idle peer waits on a small buffer; a large one is leased while payload flows.
const (
	idleBuffer = 4 << 10
	bufferSize = 256 << 10
)

// payloadPatience is how long the bytes of a block that has begun may stay away.
const payloadPatience = 30 * time.Second

// inbound is what a reader keeps between reads: buf[at:end] is received and not parsed.
type inbound struct {
	buf      []byte
	at, end  int
	small    []byte
	large    *[]byte
	msgs     []wire.Message
	payloads [][]byte // for each Piece message, what of its payload is in buf
	arrivals []swarm.Arrival
	complete []int
	parser   wire.Parser
}

// read is the inbound flow: socket, parser, swarm (one lock for all messages of one read), payload to its place.
func (c *connection) read(ctx context.Context) error {
	in := &inbound{small: make([]byte, idleBuffer)}
	in.buf = in.small
	defer func() { c.release(in) }()
	for {
		n, err := c.conn.Read(in.buf[in.end:])
		in.end += n
		if n > 0 {
			if err := c.digest(ctx, in); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// digest handles everything that one read brought.
func (c *connection) digest(ctx context.Context, in *inbound) error {
	missing, err := in.parse()
	if err != nil {
		return err
	}
	now := c.sh.cfg.Now()
	payload := 0
	if len(in.msgs) > 0 {
		in.arrivals, err = c.o.Swarm.Receive(now, c.id, in.msgs, in.arrivals[:0])
		if err != nil {
			return err
		}
		whole := in.arrivals
		if missing > 0 {
			whole = whole[:len(whole)-1]
		}
		for i := range whole {
			payload += whole[i].Length
			if err := c.store(&whole[i], in.payloads[i]); err != nil {
				return err
			}
		}
		if len(whole) > 0 {
			c.landed(in, whole)
		}
		if missing > 0 {
			if err := c.readRest(in, missing); err != nil {
				return err
			}
			payload += in.arrivals[len(in.arrivals)-1].Length
		}
	}
	c.resize(in, payload > 0)
	if payload == 0 {
		return nil
	}
	return sleep(ctx, c.o.Down.Take(now, payload))
}

// parse finds the messages in buf. missing is how many bytes of the last one's payload have not been received.
func (in *inbound) parse() (missing int, err error) {
	in.msgs, in.payloads = in.msgs[:0], in.payloads[:0]
	for in.at < in.end {
		m, n, err := in.parser.Next(in.buf[in.at:in.end])
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		in.at += n
		in.msgs = append(in.msgs, m)
		if m.Type == wire.Piece {
			have := min(int(m.Length), in.end-in.at)
			in.payloads = append(in.payloads, in.buf[in.at:in.at+have])
			in.at += have
			if missing = int(m.Length) - have; missing > 0 {
				break
			}
		}
	}
	return missing, nil
}

// store puts the payload of an arrival in its place.
func (c *connection) store(a *swarm.Arrival, payload []byte) error {
	content := c.o.Content.Load()
	if !a.Wanted || content == nil || content.Intake == nil {
		return nil
	}
	if dst := content.Intake.Place(a.Piece, a.Begin, a.Length); dst != nil {
		copy(dst, payload)
		return nil
	}
	if err := content.Intake.Spill(a.Piece, a.Begin, payload); err != nil {
		c.o.Failed(err)
		return err
	}
	return nil
}

// readRest reads the rest of the last payload straight to where it belongs.
func (c *connection) readRest(in *inbound, missing int) error {
	a := &in.arrivals[len(in.arrivals)-1]
	head := in.payloads[len(in.payloads)-1]
	var dst []byte
	content := c.o.Content.Load()
	wanted := a.Wanted && content != nil && content.Intake != nil
	if wanted {
		dst = content.Intake.Place(a.Piece, a.Begin, a.Length)
	}
	spill := wanted && dst == nil
	if dst == nil {
		dst = make([]byte, a.Length)
	}
	copy(dst, head)
	for rest := dst[a.Length-missing:]; len(rest) > 0; {
		c.conn.SetReadDeadline(time.Now().Add(payloadPatience))
		n, err := c.conn.Read(rest)
		rest = rest[n:]
		if err != nil && len(rest) > 0 {
			return err
		}
	}
	c.conn.SetReadDeadline(time.Time{})
	if spill {
		if err := content.Intake.Spill(a.Piece, a.Begin, dst); err != nil {
			c.o.Failed(err)
			return err
		}
	}
	c.landed(in, in.arrivals[len(in.arrivals)-1:])
	return nil
}

// landed reports payload in place, and hands over the pieces that it made complete.
func (c *connection) landed(in *inbound, arrivals []swarm.Arrival) {
	in.complete = c.o.Swarm.Landed(c.sh.cfg.Now(), c.id, arrivals, in.complete[:0])
	if len(in.complete) == 0 {
		return
	}
	content := c.o.Content.Load()
	for _, piece := range in.complete {
		content.Intake.Complete(piece)
	}
}

// resize moves what is not parsed to the front, in a buffer that fits what flows and what is announced.
func (c *connection) resize(in *inbound, flowing bool) {
	rest := in.buf[in.at:in.end]
	need := max(in.parser.Need(rest), len(rest)+1)
	next := in.buf
	switch {
	case need > bufferSize:
		// A long extended message; the parser's limits bound it.
		if need > len(in.buf) {
			next = make([]byte, need)
		}
	case flowing || need > idleBuffer:
		if in.large == nil {
			in.large = c.sh.buffers.Get().(*[]byte)
		}
		next = *in.large
	default:
		next = in.small
	}
	in.end = copy(next, rest)
	in.at = 0
	in.buf = next
	if !flowing && &next[0] == &in.small[0] {
		c.release(in)
	}
}

// release gives the leased buffer back.
func (c *connection) release(in *inbound) {
	if in.large != nil {
		c.sh.buffers.Put(in.large)
		in.large = nil
	}
}
