package bittorrent

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestOurOwnLimitIsNoSnub(t *testing.T) {
	c := New(epoch, Config{}, 10)
	c.Request(epoch, Block{Length: BlockSize})
	c.Hold(epoch.Add(time.Minute))
	if c.Snubbed(epoch.Add(time.Minute)) || !c.Snubbed(epoch.Add(time.Minute+snubAfter)) {
		t.Error("the time of our own rest counts")
	}
}

func TestRequestsAndAnswers(t *testing.T) {
	c := begin(all, 10)
	for i := range 4 {
		c.Request(epoch, blk(1, i))
	}
	says(t, c, "request 1+0", "request 1+1", "request 1+2", "request 1+3")
	if c.Pending() != 4 || c.Room() != firstWindow-4 {
		t.Errorf("%d pending, room %d", c.Pending(), c.Room())
	}
	c.Cancel(blk(1, 2))
	c.Cancel(blk(1, 9)) // not asked for
	says(t, c, "cancel 1+2")
	if _, err := c.Arriving(epoch, blk(1, 3)); err != nil {
		t.Fatal(err)
	}
	var left []Block
	for _, p := range c.down.open() {
		left = append(left, p.Block)
	}
	if want := []Block{blk(1, 0), blk(1, 1)}; !slices.Equal(left, want) {
		t.Errorf("left %v", left)
	}
	c.Arrived(epoch, BlockSize)
	if c.Downloaded() != BlockSize || c.DownRate(after(time.Second)) != BlockSize {
		t.Errorf("%d bytes, %v a second", c.Downloaded(), c.DownRate(after(time.Second)))
	}
}

// TestPendingAgainstModel takes requests out in any order and compares with a plain list, far beyond the bounds at which
// the list is moved.
func TestPendingAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := begin(all, 1<<20)
	c.down.limit, c.down.window = 1<<20, 1<<20
	var model []Block
	for next := 0; next < 20_000; {
		switch {
		case len(model) < 3000 && rng.IntN(3) > 0:
			b := blk(next, 0)
			next++
			model = append(model, b)
			c.Request(epoch, b)
		case len(model) > 0:
			i := 0
			if rng.IntN(4) == 0 {
				i = rng.IntN(len(model))
			}
			if rng.IntN(2) == 0 {
				c.Cancel(model[i])
			} else if _, err := c.Arriving(epoch, model[i]); err != nil {
				t.Fatal(err)
			}
			model = slices.Delete(model, i, i+1)
		}
		if c.Pending() != len(model) {
			t.Fatalf("%d pending, want %d", c.Pending(), len(model))
		}
	}
	for i, p := range c.down.open() {
		if p.Block != model[i] {
			t.Fatalf("place %d: %v, want %v", i, p.Block, model[i])
		}
	}
	if len(c.down.pending) > 3000+2*mostWindow {
		t.Errorf("the list has grown to %d", len(c.down.pending))
	}
}

func TestStrays(t *testing.T) {
	c := begin(all, 10)
	for range maxStray {
		if _, err := c.Arriving(epoch, blk(1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	var blame peer.ProtocolError
	if _, err := c.Arriving(epoch, blk(1, 1)); !errors.As(err, &blame) {
		t.Errorf("flooding goes on: %v", err)
	}
}

// line is a peer behind a link: it answers requests in their order, at a rate, a round trip after they were sent.
type line struct {
	c    *Conversation
	now  time.Time
	rate float64 // bytes per second
	rtt  time.Duration
	free time.Time // when the link is free again
	next int
}

func (l *line) run(t *testing.T, until time.Time) {
	t.Helper()
	for l.now.Before(until) {
		for range l.c.Room() {
			l.c.Request(l.now, blk(l.next, 0))
			l.next++
		}
		p := l.c.down.open()[0]
		start := p.sent.Add(l.rtt)
		if l.free.After(start) {
			start = l.free
		}
		l.free = start.Add(time.Duration(BlockSize / l.rate * float64(time.Second)))
		l.now = l.free
		if _, err := l.c.Arriving(l.now, p.Block); err != nil {
			t.Fatal(err)
		}
		l.c.Arrived(l.now, BlockSize)
		l.c.TakeOut(l.now, nil)
	}
}

func TestWindowFollowsTheRate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rate    float64
		rtt     time.Duration
		reqq    int
		after   time.Duration
		atLeast int
		atMost  int
	}{
		{"loopback grows at once", 2 << 30, 50 * time.Microsecond, 2000, 50 * time.Millisecond, steadyWindow, steadyWindow},
		{"loopback, the peer queues less", 2 << 30, 50 * time.Microsecond, 100, 50 * time.Millisecond, 100, 100},
		{"loopback, an unknown limit", 2 << 30, 50 * time.Microsecond, 0, 50 * time.Millisecond, defaultReqq, defaultReqq},
		{"a gigabit over an ocean", 120 << 20, 150 * time.Millisecond, 2000, 4 * time.Second, 2000, 2000},
		{"a megabyte a second", 1 << 20, 100 * time.Millisecond, 2000, 20 * time.Second, 20, 30},
		{"a slow round trip", 1 << 20, 2 * time.Second, 2000, 30 * time.Second, 200, 600},
		{"slow", 20 << 10, 100 * time.Millisecond, 2000, 60 * time.Second, leastWindow, leastWindow},
		{"a crawl", 1 << 10, 100 * time.Millisecond, 2000, 400 * time.Second, leastWindow, leastWindow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := begin(all, 1<<30)
			if tt.reqq > 0 {
				c.down.limit = tt.reqq
			}
			l := &line{c: c, now: epoch, rate: tt.rate, rtt: tt.rtt}
			l.run(t, after(tt.after))
			got := min(c.down.window, c.down.limit)
			if got < tt.atLeast || got > tt.atMost {
				t.Errorf("window %d, want %d to %d", got, tt.atLeast, tt.atMost)
			}
			// The link must have been busy: nothing else is the window for.
			if busy := float64(l.next-c.Pending()) * BlockSize / tt.rate; tt.after > time.Second && busy < 0.7*tt.after.Seconds() {
				t.Errorf("the link was busy for %.1f s of %v", busy, tt.after)
			}
		})
	}
}

// TestWindowWhenThePathChanges: when it has become longer the line is busy again soon, and the window is not what a longer path would
// need where it has only become narrower.
func TestWindowWhenThePathChanges(t *testing.T) {
	const span = 40 * time.Second
	for _, tt := range []struct {
		name   string
		rate   float64
		change func(*line)
		atMost int
	}{
		{"longer", 10 << 20, func(l *line) { l.rtt = 400 * time.Millisecond }, 1400},
		{"a little longer", 10 << 20, func(l *line) { l.rtt = 280 * time.Millisecond }, 1100},
		{"a fast one longer", 60 << 20, func(l *line) { l.rtt = 400 * time.Millisecond }, mostWindow},
		{"a slow one much longer", 1 << 20, func(l *line) { l.rtt = 2 * time.Second }, 600},
		{"narrower", 10 << 20, func(l *line) { l.rate /= 8 }, 24},
		{"wider", 1 << 20, func(l *line) { l.rate *= 8 }, 140},
		{"as it was", 10 << 20, func(*line) {}, 165},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := begin(all, 1<<30)
			c.down.limit = mostWindow
			l := &line{c: c, now: epoch, rate: tt.rate, rtt: 20 * time.Millisecond}
			l.run(t, after(10*time.Second))
			tt.change(l)
			l.run(t, after(10*time.Second+span))
			was := c.Downloaded()
			l.run(t, after(10*time.Second+span+span/4))
			if busy := float64(c.Downloaded()-was) / l.rate; busy < 0.9*(span/4).Seconds() {
				t.Errorf("the line is busy for %.1f s of %v, with a window of %d", busy, span/4, c.down.window)
			}
			if c.down.window > tt.atMost {
				t.Errorf("window %d, want %d at most", c.down.window, tt.atMost)
			}
		})
	}
}

// TestWindowOfBursts: one that sends every half second what its limit allows is asked for enough to fill each burst.
func TestWindowOfBursts(t *testing.T) {
	c := begin(all, 1<<30)
	c.down.limit = mostWindow
	const burst, every = 300, 500 * time.Millisecond // 300 blocks are 9.4 MiB/s
	now, next, sent := epoch, 0, 0
	for range 20 {
		for range c.Room() {
			c.Request(now, blk(next, 0))
			next++
		}
		now, sent = now.Add(every), 0
		for c.Pending() > 0 && sent < burst {
			if _, err := c.Arriving(now, c.down.open()[0].Block); err != nil {
				t.Fatal(err)
			}
			c.Arrived(now, BlockSize)
			sent++
		}
		c.TakeOut(now, nil)
	}
	if sent != burst {
		t.Errorf("bursts of %d blocks where there could be %d", sent, burst)
	}
}

// TestWindowAfterAPause: time in which the peer sent nothing because it choked us says nothing about its rate.
func TestWindowAfterAPause(t *testing.T) {
	c := begin(all, 1<<30)
	c.down.limit = mostWindow
	hear(t, c, only(peer.Unchoke))
	l := &line{c: c, now: epoch, rate: 100 << 20, rtt: time.Millisecond}
	l.run(t, after(2*time.Second))
	hearAt(t, c, l.now, only(peer.Choke))
	for _, p := range slices.Clone(c.down.open()) {
		hearAt(t, c, l.now, about(peer.Reject, p.Block))
	}
	l.now = l.now.Add(time.Minute)
	hearAt(t, c, l.now, only(peer.Unchoke))
	if c.down.window != firstWindow {
		t.Errorf("window %d after the unchoke", c.down.window)
	}
	l.run(t, l.now.Add(10*time.Millisecond))
	if c.down.window < firstWindow {
		t.Errorf("window %d: the pause counts as slowness", c.down.window)
	}
	l.run(t, l.now.Add(time.Second))
	if c.down.window != steadyWindow {
		t.Errorf("window %d a second later", c.down.window)
	}
}

func TestSnub(t *testing.T) {
	c := begin(all, 1<<30)
	hear(t, c, only(peer.Unchoke))
	if c.Snubbed(after(time.Hour)) {
		t.Error("snubbed with nothing asked for")
	}
	for i := range 5 {
		c.Request(after(time.Hour), blk(i, 0))
	}
	c.TakeOut(epoch, nil)
	if c.Snubbed(after(time.Hour + snubAfter - 1)) {
		t.Error("snubbed too early")
	}
	now := after(time.Hour + snubAfter)
	if !c.Snubbed(now) {
		t.Fatal("not snubbed")
	}
	c.DropRequests(now)
	says(t, c, "cancel 0+0", "cancel 1+0", "cancel 2+0", "cancel 3+0", "cancel 4+0")
	if c.Pending() != 0 || c.Room() != 1 || c.Snubbed(now) {
		t.Errorf("%d pending, room %d", c.Pending(), c.Room())
	}

	// It is tried again with one of them, and answers all of it: the old requests first.
	c.Request(now, blk(0, 0))
	now = now.Add(time.Second)
	for i := range 4 {
		if i == 2 {
			continue
		}
		if e := hearAt(t, c, now, about(peer.Reject, blk(i, 0))); e.Kind != None {
			t.Errorf("the answer to a cancel of %d is taken for a refusal", i)
		}
	}
	if asked, err := c.Arriving(now, blk(2, 0)); !asked || err != nil || c.down.stray != 0 {
		t.Errorf("a late block: asked for: %v, %v", asked, err)
	}
	if asked, err := c.Arriving(now, blk(2, 0)); asked || err != nil || c.down.stray != 1 {
		t.Errorf("the same once more: asked for: %v, %v", asked, err)
	}
	if c.Pending() != 1 || c.Snubbed(now.Add(snubAfter-1)) {
		t.Error("the late block is no sign of life")
	}
	l := &line{c: c, now: now, rate: 10 << 20, rtt: 20 * time.Millisecond, next: 100}
	l.run(t, now.Add(2*time.Second))
	if c.down.window < 100 {
		t.Errorf("window %d: a peer that recovered does not get going", c.down.window)
	}
}

func TestEmptyListsAreNotKept(t *testing.T) {
	c := begin(all, 1<<30)
	c.down.limit, c.down.window = 2000, 2000
	for i := range 2000 {
		c.Request(epoch, blk(i, 0))
	}
	for i := range 2000 {
		if _, err := c.Arriving(epoch, blk(i, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if cap(c.down.pending) > keepPending {
		t.Errorf("an idle conversation keeps room for %d requests", cap(c.down.pending))
	}
}

func TestRoomComesInQuarters(t *testing.T) {
	c := begin(all, 10)
	for i := range firstWindow {
		c.Request(epoch, blk(i, 0))
	}
	for i := range firstWindow {
		answered, room := i, i
		if answered < firstWindow/4 {
			room = 0
		}
		if c.Room() != room || c.Thin() != (answered >= firstWindow*3/4) {
			t.Errorf("%d answered: room %d, thin %v", answered, c.Room(), c.Thin())
		}
		if _, err := c.Arriving(epoch, blk(i, 0)); err != nil {
			t.Fatal(err)
		}
	}
}
