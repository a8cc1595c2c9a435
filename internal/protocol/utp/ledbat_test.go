package utp_test

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// bulk is a connection that always has something to send, read as it arrives.
type bulk struct{ *transfer }

// bulkOn opens one over the world's link, with a controller.
func (w *world) bulkOn(control utp.Control) bulk {
	w.t.Helper()
	w.a.path.Control = control
	known := len(w.b.conns)
	a := w.dial()
	x := newTransfer(a, nil, 1<<40)
	x.pump(w.t)
	w.until(time.Minute, "connection", func() bool { return len(w.b.conns) == known+1 })
	x.to = w.b.conns[known]
	return bulk{x}
}

// drive keeps connections busy for a while and returns how many bytes per second each got through.
func (w *world) drive(d time.Duration, all ...bulk) []float64 {
	w.t.Helper()
	before := make([]int, len(all))
	for i, x := range all {
		before[i] = x.got
	}
	w.a.out.worst = 0
	pump := func() {
		for _, x := range all {
			if x.pump(w.t); x.err != nil {
				w.t.Fatal(x.err)
			}
		}
	}
	pump()
	w.flush(w.a)
	for limit := w.now.Add(d); w.step(limit); {
		pump()
	}
	rates := make([]float64, len(all))
	for i, x := range all {
		rates[i] = float64(x.got-before[i]) / d.Seconds()
	}
	return rates
}

const ms = time.Millisecond

// bottleneck is a home's uplink: 500 kB/s, with a modem that holds two seconds of it.
func bottleneck() link { return link{delay: 20 * ms, rate: 5e5, queue: 2 * time.Second} }

func TestLedbatKeepsTheQueueShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, bottleneck(), link{delay: 20 * ms})
	x := w.bulkOn(utp.Background)
	w.drive(10*time.Second, x)
	if w.a.out.worst > 250*ms {
		t.Errorf("slow start filled the queue with %v", w.a.out.worst)
	}
	w.drive(30*time.Second, x)
	rate := w.drive(time.Minute, x)[0]
	t.Logf("%.0f kB/s, queue up to %v", rate/1000, w.a.out.worst)
	if w.a.out.worst < 60*ms || w.a.out.worst > 130*ms {
		t.Errorf("the queue holds %v, which is not near the target", w.a.out.worst)
	}
	if rate < 450_000 {
		t.Errorf("only %.0f B/s of 500 kB/s", rate)
	}
}

func TestLedbatYields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, bottleneck(), link{delay: 20 * ms})
	w.a.out.queue = 400 * ms
	yields := w.bulkOn(utp.Background)
	w.drive(20*time.Second, yields)
	takes := w.bulkOn(utp.Scalable)
	w.drive(10*time.Second, yields, takes)
	r := w.drive(30*time.Second, yields, takes)
	t.Logf("%.0f and %.0f kB/s", r[0]/1000, r[1]/1000)
	if r[0] > 50_000 || r[1] < 400_000 {
		t.Errorf("it takes %.0f B/s beside one that gets %.0f", r[0], r[1])
	}
	takes.from.Abort()
	w.drive(10*time.Second, yields)
	if r := w.drive(20*time.Second, yields); r[0] < 425_000 {
		t.Errorf("alone again it takes only %.0f B/s", r[0])
	}
}

func TestLedbatsShare(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, bottleneck(), link{delay: 20 * ms})
	first := w.bulkOn(utp.Background)
	w.drive(20*time.Second, first)
	second := w.bulkOn(utp.Background)
	w.drive(2*time.Minute, first, second)
	r := w.drive(time.Minute, first, second)
	t.Logf("%.0f and %.0f kB/s, queue up to %v", r[0]/1000, r[1]/1000, w.a.out.worst)
	if r[0]+r[1] < 450_000 || min(r[0], r[1]) < 50_000 {
		t.Errorf("%.0f and %.0f B/s", r[0], r[1])
	}
}

// TestLossyLine: a line that loses one packet in twenty, for no fault of ours, is used all the same. With every such loss taken for a
// full queue it were 130 kB/s.
func TestLossyLine(t *testing.T) {
	t.Parallel()
	l := link{delay: 50 * ms, loss: 0.05, rate: 2e7, queue: 100 * ms}
	w := newWorld(t, 5, l, l)
	rate := w.drive(time.Minute, w.bulkOn(utp.Background))[0]
	t.Logf("%.0f kB/s", rate/1000)
	if rate < 170_000 {
		t.Errorf("%.0f B/s", rate)
	}
}

// A queue that is too short for the target is not taken for a line that loses packets: it is shared with TCP about as before.
func TestLedbatBesideAShortQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 6, bottleneck(), link{delay: 20 * ms})
	w.a.out.queue = 50 * ms
	all := []bulk{w.bulkOn(utp.Background)}
	for range 3 {
		all = append(all, w.bulkOn(utp.Scalable))
	}
	w.drive(10*time.Second, all...)
	r := w.drive(15*time.Second, all...)
	t.Logf("%.0f and %.0f, %.0f, %.0f kB/s", r[0]/1000, r[1]/1000, r[2]/1000, r[3]/1000)
	if r[0] > 200_000 {
		t.Errorf("it takes %.0f B/s of 500 kB/s beside three", r[0])
	}
}

// Clocks of ordinary computers differ by up to 17 ms in 10 minutes (libtorrent's manual): 28 parts in a million.
func TestClockDriftDoesNotCount(t *testing.T) {
	t.Parallel()
	for _, drift := range []float64{100e-6, -100e-6} {
		l := bottleneck()
		l.drift, l.rate = drift, 2e5
		w := newWorld(t, 4, l, link{delay: 20 * ms})
		x := w.bulkOn(utp.Background)
		w.drive(3*time.Minute, x)
		rate := w.drive(time.Minute, x)[0]
		t.Logf("%+.0f ppm: %.0f kB/s, queue up to %v", drift*1e6, rate/1000, w.a.out.worst)
		if rate < 170_000 || w.a.out.worst > 160*ms {
			t.Errorf("%v: %.0f B/s, queue up to %v", drift, rate, w.a.out.worst)
		}
	}
}
