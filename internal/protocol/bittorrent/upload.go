package bittorrent

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// upload is the peer's side of the pipeline: the blocks we let it ask for and have not sent yet.
type upload struct {
	queue []Block
	meter Meter
}

// maxRequestLength is the longest block served. Clients ask for 16 KiB; some old ones for up to 128 KiB.
const maxRequestLength = 128 << 10

func (c *Conversation) receiveRequest(now time.Time, m peer.Message) (Event, error) {
	b := Block{int(m.Index), int(m.Begin), int(m.Length)}
	if m.Type == peer.Cancel {
		i := slices.Index(c.up.queue, b)
		if i < 0 {
			return Event{}, c.Useless(now)
		}
		c.up.queue = slices.Delete(c.up.queue, i, i+1)
		// BEP 6: a cancelled request is still answered, by the block or by a reject.
		c.reject(b)
		return Event{}, nil
	}
	if c.pieces < 0 || int64(m.Index) >= int64(c.pieces) || m.Length == 0 || m.Length > maxRequestLength {
		return Event{}, peer.ProtocolError("request out of bounds")
	}
	if c.flags.amChoking && !c.fast.granted(b.Piece) {
		// Requests cross our choke on the way: not an offence.
		c.reject(b)
		return Event{}, nil
	}
	if len(c.up.queue) >= c.cfg.Reqq {
		c.reject(b)
		return Event{}, nil
	}
	return Event{Kind: Requested, Block: b}, nil
}

// Admit queues a request that the swarm found legal and able to be served.
func (c *Conversation) Admit(b Block) { c.up.queue = append(c.up.queue, b) }

// Refuse turns a request down: with BEP 6 the peer is told, without it learns by silence.
func (c *Conversation) Refuse(b Block) { c.reject(b) }

func (c *Conversation) reject(b Block) {
	if c.cfg.Fast {
		c.out = peer.AppendReject(c.out, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
	}
}

// dropUploads empties the queue as a choke does. What was allowed fast stays.
func (c *Conversation) dropUploads() {
	kept := c.up.queue[:0]
	for _, b := range c.up.queue {
		if c.fast.granted(b.Piece) {
			kept = append(kept, b)
			continue
		}
		c.reject(b)
	}
	c.up.queue = kept
}

// Queued is how many requests of the peer wait to be served.
func (c *Conversation) Queued() int { return len(c.up.queue) }

// TakeUploads moves requests worth at most maxBytes, and at least one, from the queue to dst, in the order asked; neighbours
// as one where runs are agreed. There are none before [Conversation.HeldUntil].
func (c *Conversation) TakeUploads(now time.Time, dst []Block, maxBytes int) []Block {
	if !c.HeldUntil(now).IsZero() {
		return dst
	}
	n, total := 0, 0
	for n < len(c.up.queue) && (n == 0 || total+c.up.queue[n].Length <= maxBytes) {
		total += c.up.queue[n].Length
		n++
	}
	dst = c.join(now, dst, c.up.queue[:n])
	c.up.queue = append(c.up.queue[:0], c.up.queue[n:]...)
	if n > 0 {
		c.up.meter.Add(now, total)
		c.idle.sent(now)
	}
	return dst
}

// Uploaded is the payload sent to the peer, in bytes.
func (c *Conversation) Uploaded() int64 { return c.up.meter.Total() }

// UpRate is the rate of payload to the peer, in bytes per second.
func (c *Conversation) UpRate(now time.Time) float64 { return c.up.meter.Rate(now) }
