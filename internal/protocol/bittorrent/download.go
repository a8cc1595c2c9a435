package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// download is our side of the request pipeline: what we asked for and how many requests may be under way.
//
// The window starts wide, so that the first MiB needs no measuring, and then follows the rate: twice what arrives in one
// round trip, at least a second's worth, never more than the peer queues.
type download struct {
	pending []pendingBlock // unanswered requests in the order asked, from head on
	head    int
	window  int
	limit   int // the peer's reqq
	meter   Meter
	rtt     time.Duration
	lastIn  time.Time // when a block last arrived, or the pipeline was last empty
	stray   int       // blocks nobody asked for
}

type pendingBlock struct {
	Block
	sent time.Time
}

const (
	firstWindow = 64 // 1 MiB
	leastWindow = 8
	mostWindow  = 2048
	// defaultReqq is what a peer that does not say is taken to queue; libtorrent's and Transmission's older defaults.
	defaultReqq = 250
	// maxStray is how many blocks that we never asked for, or cancelled, a peer may send before it counts as flooding.
	maxStray = 4096
)

func (d *download) init(now time.Time) {
	d.window, d.limit, d.lastIn = firstWindow, defaultReqq, now
}

func (d *download) unchoked(now time.Time) {
	d.window, d.lastIn = firstWindow, now
}

func (d *download) forget() { d.pending, d.head = d.pending[:0], 0 }

// open lists the unanswered requests.
func (d *download) open() []pendingBlock { return d.pending[d.head:] }

// Room is how many more blocks may be requested now.
func (c *Conversation) Room() int {
	return max(0, min(c.down.window, c.down.limit)-len(c.down.open()))
}

// Pending is how many requests are unanswered.
func (c *Conversation) Pending() int { return len(c.down.open()) }

// DownRate is the rate of payload from the peer, in bytes per second.
func (c *Conversation) DownRate(now time.Time) float64 { return c.down.meter.Rate(now) }

// Downloaded is the payload received from the peer, in bytes.
func (c *Conversation) Downloaded() int64 { return c.down.meter.Total() }

// Request asks the peer for a block.
func (c *Conversation) Request(now time.Time, b Block) {
	if c.Pending() == 0 {
		c.down.forget()
		c.down.lastIn = now
	}
	c.down.pending = append(c.down.pending, pendingBlock{b, now})
	c.out = peer.AppendRequest(c.out, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
}

// Cancel takes a request back. Its block may still come, and is then a stray. With BEP 6 the peer answers every request,
// a cancelled one too, so there it is kept until block or reject come.
func (c *Conversation) Cancel(b Block) {
	i := c.down.find(b)
	if i < 0 {
		return
	}
	c.out = peer.AppendCancel(c.out, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
	c.down.remove(i)
}

// Arriving is told of the header of a Piece message before its payload. A block that nobody asked for, or that crosses a
// cancel or a choke, is no offence until there are many of them.
func (c *Conversation) Arriving(now time.Time, b Block) error {
	c.idle.received(now)
	d := &c.down
	i := d.find(b)
	if i < 0 {
		d.stray++
		if d.stray > maxStray {
			return peer.ProtocolError("floods us with blocks that nobody asked for")
		}
		return nil
	}
	if rtt := now.Sub(d.pending[i].sent); d.rtt == 0 || rtt < d.rtt {
		d.rtt = rtt
	}
	d.remove(i)
	d.lastIn = now
	return nil
}

// Arrived counts the payload of a block towards the peer's rate and moves the window after it.
func (c *Conversation) Arrived(now time.Time, n int) {
	d := &c.down
	d.meter.Add(now, n)
	rate := d.meter.Rate(now)
	span := max(time.Second, 2*d.rtt)
	target := int(rate * span.Seconds() / BlockSize)
	switch {
	case target > d.window:
		d.window = min(target, d.window*2, mostWindow)
	case target < d.window && d.meter.Settled(now):
		d.window = max(target, leastWindow)
	}
}

// find looks for a request; answers come mostly in order, so it is mostly the first.
func (d *download) find(b Block) int {
	for i := d.head; i < len(d.pending); i++ {
		if d.pending[i].Block == b {
			return i
		}
	}
	return -1
}

// remove takes out the i-th request by moving those before it, mostly none, up by one.
func (d *download) remove(i int) {
	copy(d.pending[d.head+1:i+1], d.pending[d.head:i])
	d.head++
	if d.head > mostWindow {
		d.pending = append(d.pending[:0], d.pending[d.head:]...)
		d.head = 0
	}
}

// snubAfter is how long a peer may leave all our requests unanswered before others are asked for them.
const snubAfter = 10 * time.Second

// Snubbed reports whether the peer has sent nothing of what we asked for snubAfter.
func (c *Conversation) Snubbed(now time.Time) bool {
	return c.Pending() > 0 && now.Sub(c.down.lastIn) >= snubAfter
}

// DropRequests forgets all requests under way and narrows the window to one block, which tries the peer again.
func (c *Conversation) DropRequests(now time.Time) {
	d := &c.down
	for _, p := range d.open() {
		c.out = peer.AppendCancel(c.out, uint32(p.Piece), uint32(p.Begin), uint32(p.Length))
	}
	d.forget()
	d.window, d.lastIn = 1, now
}
