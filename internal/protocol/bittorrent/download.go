package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// download is our side of the request pipeline: what we asked for and how many requests may be under way.
//
// The window starts wide, so that the first MiB needs no measuring, and then follows the rate (window.go). The rate that moves it is
// that of the flow under way: time in which the peer choked us, or had nothing to send, says nothing about its speed.
type download struct {
	pending   []pendingBlock // unanswered requests in the order asked, from head on
	head      int
	withdrawn withdrawn
	window    int
	limit     int // the peer's reqq
	meter     Meter
	flow      flow // since the pipeline last ran dry
	rtt       time.Duration
	gap       gap
	lastIn    time.Time // when a block last arrived, or the pipeline was last empty
	stray     int       // blocks nobody asked for
}

type pendingBlock struct {
	Block
	sent time.Time
}

const (
	// defaultReqq is what a peer that does not say is taken to queue; libtorrent's and Transmission's older defaults.
	defaultReqq = 250
	// maxStray is how many blocks that we never asked for a peer may send before it counts as flooding. BEP 6 is stricter:
	// "if a peer receives a piece that was never requested, the peer MUST close the connection".
	maxStray = 256
	// flowEnds is how long the pipeline must be empty for what follows to count as another flow.
	flowEnds = time.Second
	// keepPending bounds the empty list of requests that is kept for the next ones.
	keepPending = 256
)

func (d *download) init(now time.Time) {
	d.window, d.limit, d.lastIn = firstWindow, defaultReqq, now
}

func (d *download) unchoked(now time.Time) {
	d.window, d.lastIn, d.flow = firstWindow, now, flow{}
}

func (d *download) forget() {
	d.pending, d.head = d.pending[:0], 0
	if cap(d.pending) > keepPending {
		d.pending = nil
	}
}

// dropped is told that the peer has dropped all requests; blocks that it sent before may still come.
func (d *download) dropped() {
	for _, p := range d.open() {
		d.withdrawn.add(p.Block)
	}
	d.forget()
}

// open lists the unanswered requests.
func (d *download) open() []pendingBlock { return d.pending[d.head:] }

// Room is how many more blocks should be requested now. It is 0 until a quarter of the window is free, so that whoever
// chooses the blocks is asked for many at once, and while the pipeline drains.
func (c *Conversation) Room() int {
	if c.down.flow.drains && c.Pending() > 0 {
		return 0
	}
	window := min(c.down.window, c.down.limit)
	if room := window - c.Pending(); 4*room >= window {
		return max(0, room)
	}
	return 0
}

// Thin reports whether the peer will soon have nothing to do: at most a quarter of the window is used.
func (c *Conversation) Thin() bool { return 4*c.Pending() <= min(c.down.window, c.down.limit) }

// Pending is how many requests are unanswered.
func (c *Conversation) Pending() int { return len(c.down.open()) }

// DownRate is the rate of payload from the peer, in bytes per second.
func (c *Conversation) DownRate(now time.Time) float64 { return c.down.meter.Rate(now) }

// Downloaded is the payload received from the peer, in bytes.
func (c *Conversation) Downloaded() int64 { return c.down.meter.Total() }

// Request asks the peer for a block.
func (c *Conversation) Request(now time.Time, b Block) {
	d := &c.down
	if c.Pending() == 0 {
		if now.Sub(d.lastIn) > flowEnds {
			d.flow = flow{}
		}
		d.flow.drained(now)
		d.lastIn = now
	}
	c.idle.owed(now)
	d.pending = append(d.pending, pendingBlock{b, now})
	c.ask(b)
}

// Cancel takes a request back. Its block, or with BEP 6 its reject, may still come.
func (c *Conversation) Cancel(b Block) {
	i := c.down.find(b)
	if i < 0 {
		return
	}
	c.cancel(b)
	c.down.remove(i)
	if c.Pending() == 0 {
		c.idle.asked = time.Time{} // without BEP 6 nothing answers a cancel
	}
}

func (c *Conversation) cancel(b Block) {
	c.out = peer.AppendCancel(c.out, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
	c.down.withdrawn.add(b)
}

// Arriving is told of the header of a Piece message before its payload, and reports whether we asked for the block. One that
// we took back may still come; one that we never asked for is no offence until there are many of them.
func (c *Conversation) Arriving(now time.Time, b Block) (asked bool, err error) {
	c.idle.received(now)
	d := &c.down
	if i := d.find(b); i >= 0 {
		d.tripped(now, d.pending[i].sent)
		d.remove(i)
		d.lastIn = now
		return true, nil
	}
	if d.withdrawn.answered(b) {
		d.lastIn = now
		return true, nil
	}
	if d.stray++; d.stray > maxStray {
		return false, peer.ProtocolError("floods us with blocks that nobody asked for")
	}
	return false, nil
}

// Arrived counts the payload of a block towards the peer's rate and moves the window after it.
func (c *Conversation) Arrived(now time.Time, n int) {
	d := &c.down
	d.meter.Add(now, n)
	d.flow.Add(now, n)
	rate := d.flow.Rate(now)
	if target := d.target(now, rate); target > d.window {
		d.window++
	} else if d.flow.Settled(now) {
		d.window = target
		d.flow.watch(now, rate)
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
	switch {
	case d.head == len(d.pending):
		d.forget()
	case d.head > mostWindow:
		d.pending = append(d.pending[:0], d.pending[d.head:]...)
		d.head = 0
	}
}

// snubAfter is how long a peer may leave all our requests unanswered before others are asked for them.
const snubAfter = 10 * time.Second

// Hold says that we ourselves read nothing from the peer until then, to keep a limit: it is not to blame for the silence.
func (c *Conversation) Hold(until time.Time) {
	if until.After(c.down.lastIn) {
		c.down.lastIn = until
	}
	if i := &c.idle; !i.asked.IsZero() && until.After(i.asked) {
		i.asked = until
	}
}

// Snubbed reports whether the peer has sent nothing of what we asked for snubAfter.
func (c *Conversation) Snubbed(now time.Time) bool {
	return c.Pending() > 0 && now.Sub(c.down.lastIn) >= snubAfter
}

// Stalls is when a block that has begun to arrive has taken too long, unless another one comes before.
func (c *Conversation) Stalls() time.Time { return c.down.lastIn.Add(snubAfter) }

// DropRequests takes back all requests under way and narrows the window to one block, which tries the peer again.
func (c *Conversation) DropRequests(now time.Time) {
	d := &c.down
	for _, p := range d.open() {
		c.cancel(p.Block)
	}
	d.forget()
	d.window, d.lastIn, d.flow = 1, now, flow{}
}
