package utp

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const ms = time.Millisecond

func TestSequenceNumbersGoRound(t *testing.T) {
	for _, c := range []struct {
		a, b uint16
		want bool
	}{{1, 2, true}, {2, 1, false}, {5, 5, false}, {65535, 0, true}, {0, 65535, false}, {65000, 100, true}} {
		if before(c.a, c.b) != c.want {
			t.Errorf("before(%d, %d)", c.a, c.b)
		}
	}
}

func TestTimestampIsNeverNone(t *testing.T) {
	c := clock{epoch: start}
	if c.micros(start) != 1 || c.micros(start.Add(time.Second)) != 1e6 || c.micros(start.Add(1<<32*time.Microsecond)) != 1 {
		t.Error(c.micros(start), c.micros(start.Add(time.Second)))
	}
}

// TestFifo compares it with a slice, over some chunks.
func TestFifo(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var q fifo
	var want []byte
	for range 3000 {
		p := make([]byte, rng.IntN(100_000))
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		switch rng.IntN(3) {
		case 0:
			if len(want) < 1<<20 {
				q.write(p)
				want = append(want, p...)
			}
		case 1:
			n := q.read(p)
			if !bytes.Equal(p[:n], want[:n]) || n != min(len(p), len(want)) {
				t.Fatal("read something else")
			}
			want = want[n:]
		case 2:
			if len(want) > 0 {
				off := rng.IntN(len(want))
				p = p[:min(len(p), len(want)-off)]
				q.copyAt(p, q.start+uint64(off))
				if !bytes.Equal(p, want[off:off+len(p)]) {
					t.Fatal("copied something else")
				}
			}
		}
		if q.len() != len(want) || len(q.held) > len(want)/chunkSize+2 || len(want) == 0 && len(q.held) > 0 {
			t.Fatalf("%d bytes of %d in %d chunks", q.len(), len(want), len(q.held))
		}
	}
}

func TestReorderIsBounded(t *testing.T) {
	r := reorder{maxBlocks: 2}
	big := make([]byte, 40_000)
	if !r.put(10, 12, slotData, big) || !r.put(10, 13, slotData, big) || r.put(10, 14, slotData, big) {
		t.Error("holds more than two blocks")
	}
	// A small one still fits, but none that is too far ahead.
	if !r.put(10, 500, slotData, []byte("x")) || r.put(10, 10+maxAhead+1, slotData, nil) {
		t.Error("too far ahead")
	}
	for _, seq := range []uint16{12, 13, 500} {
		if !r.has(10, seq) {
			t.Errorf("lost %d", seq)
		}
		s, p := r.take(seq)
		if s.kind != slotData || len(p) != s.n {
			t.Errorf("%d: %+v", seq, s)
		}
		r.done(s)
	}
	if r.count != 0 || r.bytes != 0 || len(r.blocks) != 0 || len(r.slots) != 0 {
		t.Errorf("%+v", r)
	}
	if s, _ := r.take(13); s.kind != slotEmpty {
		t.Error("took one that is not there")
	}
}

func TestSelectiveAckMask(t *testing.T) {
	r := reorder{maxBlocks: 10}
	for _, seq := range []uint16{2, 4, 33, 40} { // 65535+1 = 0 is missing
		r.put(65535, seq, slotData, []byte("x"))
	}
	mask := r.mask(nil, 65535, wire.MaxSelectiveAck)
	var got []uint16
	for off := range wire.Acked(mask) {
		got = append(got, 65535+off)
	}
	if want := []uint16{2, 4, 33, 40}; !slices.Equal(got, want) || len(mask) != 8 {
		t.Errorf("%v in %d bytes", got, len(mask))
	}
	if mask := r.mask(nil, 65535, 4); len(mask) != 4 {
		t.Errorf("%d bytes of 4", len(mask))
	}
}

func TestIncoming(t *testing.T) {
	in := newIncoming(99, 1000)
	for _, s := range []struct {
		seq     uint16
		payload string
		fin     bool
		want    arrival
	}{
		{100, "a", false, arrivedInOrder},
		{100, "a", false, arrivedAgain},
		{102, "c", false, arrivedAhead},
		{102, "c", false, arrivedAgain},
		{104, "e", true, arrivedAhead}, // the end, with payload as old libtorrents do
		{105, "f", false, arrivedRefused},
		{105, "", true, arrivedRefused}, // another end
		{104, "e", false, arrivedAgain},
		{103, "d", true, arrivedRefused}, // an earlier end
		{103, string(make([]byte, 2000)), false, arrivedRefused},
		{103, "d", false, arrivedAhead},
		{101, "b", false, arrivedInOrder},
		{104, "e", true, arrivedAgain},
		{90, "", false, arrivedAgain},
	} {
		if got := in.accept(s.seq, []byte(s.payload), s.fin); got != s.want {
			t.Errorf("%d: %v, want %v", s.seq, got, s.want)
		}
	}
	b := make([]byte, 10)
	if n := in.data.read(b); string(b[:n]) != "abcde" || !in.ended() || in.ack != 104 {
		t.Errorf("%q, up to %d", b[:n], in.ack)
	}
}

// The window may be full of what came too early: the packet before that is taken all the same.
func TestIncomingTakesTheMissingOne(t *testing.T) {
	in := newIncoming(0, 100)
	in.accept(2, make([]byte, 100), false)
	if in.window() != 0 || in.accept(3, []byte("x"), false) != arrivedRefused {
		t.Error("takes more than its window")
	}
	if in.accept(1, make([]byte, 50), false) != arrivedInOrder || in.ack != 2 {
		t.Error("stuck")
	}
	if in.accept(3, []byte("x"), false) != arrivedRefused || in.window() != 0 {
		t.Error("takes more than its window")
	}
}

// flight makes an outgoing with n packets of 100 bytes in flight, sent a millisecond apart.
func flight(n int) *outgoing {
	o := &outgoing{una: 65530, next: 65530}
	o.data.write(make([]byte, 100*n))
	for i := range n {
		o.transmit(start.Add(time.Duration(i)*ms), o.push(wire.Data, 100, 0))
	}
	return o
}

func TestLossBySelectiveAcks(t *testing.T) {
	o := flight(10)
	now := start.Add(100 * ms)
	// Of 10 packets 1, 3, 4 and 5 arrive (counted from 0): after 0 come three and more, after 2 exactly three.
	n := o.acknowledge(now, 65529, []byte{0b11101 & 0xff}, 0)
	if n.packets != 4 || n.bytes != 400 || n.rtt != 95*ms {
		t.Errorf("%+v", n)
	}
	l := o.detect(now, time.Hour)
	if l.packets != 2 || o.lost != 2 || o.inFlight != 400 || o.firstLost() != 65530 {
		t.Errorf("%+v, %d in flight", l, o.inFlight)
	}
	// They are sent again, and the second is lost again: three packets sent after it tell.
	o.transmit(now, o.firstLost())
	o.transmit(now, o.firstLost())
	now = now.Add(100 * ms)
	o.acknowledge(now, 65531, nil, 90*ms) // 0 and 1
	if l := o.detect(now, time.Hour); l.packets != 0+4 {
		t.Errorf("%d lost: 6 to 9 were sent long before what arrived", l.packets)
	}
	for range 4 {
		o.transmit(now, o.firstLost())
	}
	now = now.Add(100 * ms)
	o.acknowledge(now, 65531, []byte{0b1111 << 3}, 90*ms) // 6 to 9, and 3 to 5 again
	if l := o.detect(now, time.Hour); l.packets != 1 || o.firstLost() != 65532 {
		t.Errorf("%+v", l)
	}
}

func TestLossByTime(t *testing.T) {
	o := flight(2)
	now := start.Add(50 * ms)
	o.acknowledge(now, 65529, []byte{0b0}, 0)
	o.acknowledge(now, 65529, nil, 0)
	if l := o.detect(now, 60*ms); l.packets != 0 || !l.again.IsZero() {
		t.Errorf("%+v", l)
	}
	o = flight(3)
	o.acknowledge(now, 65529, []byte{0b1}, 0) // the second
	if l := o.detect(now, 60*ms); l.packets != 0 || !l.again.Equal(start.Add(60*ms)) {
		t.Errorf("%+v", l)
	}
	if l := o.detect(start.Add(60*ms), 60*ms); l.packets != 1 || o.firstLost() != 65530 {
		t.Errorf("%+v", l)
	}
}

func TestLossByDuplicates(t *testing.T) {
	o := flight(5)
	for i := range 10 {
		if l := o.duplicate(); (l.packets == 1) != (i == 2) {
			t.Errorf("duplicate %d: %+v", i, l)
		}
		if i == 2 {
			o.transmit(start, o.firstLost())
		}
	}
}

// An answer that comes sooner than any round trip was to the earlier transmission: it says nothing of the later.
func TestAnswerToTheFirstTransmission(t *testing.T) {
	o := flight(2)
	o.lose(65530)
	o.transmit(start.Add(100*ms), 65530)
	n := o.acknowledge(start.Add(101*ms), 65530, nil, 50*ms)
	if n.rtt != 0 || o.pastOrder != 0 {
		t.Errorf("%+v, %d", n, o.pastOrder)
	}
}

func TestRTT(t *testing.T) {
	var r rtt
	if r.timeout(0) != time.Second || r.timeout(2) != 4*time.Second {
		t.Error(r.timeout(0), r.timeout(2))
	}
	for range 50 {
		r.add(20 * ms)
	}
	if r.timeout(0) != 500*ms || r.timeout(3) != 4*time.Second || r.timeout(100) != time.Minute {
		t.Error(r.timeout(0), r.timeout(3), r.timeout(100))
	}
	r.add(100 * ms)
	if r.smoothed != 30*ms || r.least != 20*ms || r.latest != 100*ms {
		t.Errorf("%+v", r)
	}
	r = rtt{}
	r.add(time.Second)
	if r.timeout(0) != 3*time.Second {
		t.Error(r.timeout(0))
	}
}

func TestDelayHistory(t *testing.T) {
	var h delayHistory
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	near := uint32(1<<32 - 1000) // the difference of the clocks is about to go round
	if h.add(at(0), near) != 0 || h.queueing() != 0 {
		t.Error("the first sample")
	}
	for range 3 {
		h.add(at(1), near+50_000)
	}
	if h.queueing() != 50*ms {
		t.Error(h.queueing())
	}
	h.add(at(2), near+20_000) // one that is lower counts, one that is higher does not
	h.add(at(2), near+900_000)
	if h.queueing() != 20*ms {
		t.Error(h.queueing())
	}
	if lowered := h.add(at(3), near-5000); lowered != 5000 || h.queueing() != 0 {
		t.Error(lowered, h.queueing())
	}
	// The base is forgotten after the minute in which it was and two more.
	for s := 4.0; s < 300; s++ {
		h.add(at(s), near+30_000)
		if want := 35 * ms; s < 170 && h.queueing() != want && s > 6 || s > 245 && h.queueing() != 0 {
			t.Fatal(s, h.queueing())
		}
	}
	before := h.base
	h.drifted(2000)
	h.drifted(maxDrift + 1)
	if h.base != before+2000 {
		t.Error(h.base - before)
	}
	var none delayHistory
	none.drifted(5)
	if none.queueing() != 0 || none.base != 0 {
		t.Error("drifts without a sample")
	}
}

func TestPeerWindow(t *testing.T) {
	var w peerWindow
	w.set(1 << 31)
	if w.size != maxWindow || w.packets() != maxAhead {
		t.Error(w.size, w.packets())
	}
	w = peerWindow{}
	w.set(1 << 20)
	w.set(0)
	if w.packets() != 953 { // less than the 1024 that libutp keeps
		t.Error(w.packets())
	}
	now := start
	var asked []time.Duration
	for len(asked) < 6 {
		if w.blocked(now) {
			asked = append(asked, now.Sub(start))
			w.sent(1)
		}
		now = now.Add(100 * ms)
	}
	for i, want := range []time.Duration{1, 3, 7, 15, 30, 45} {
		if got := asked[i].Round(time.Second); got != want*time.Second {
			t.Errorf("probe %d after %v", i, got)
		}
	}
}

func TestPacer(t *testing.T) {
	var p pacer
	p.advance(start, 1<<20, false, 0)
	if p.sent(1 << 20); !p.next().IsZero() {
		t.Error("paces without knowing the round trip")
	}
	// 125 kB in 100 ms, a quarter faster: 1562500 B/s.
	p.advance(start, 125_000, false, 100*ms)
	sent, now := 0, start
	for now.Before(start.Add(time.Second)) {
		p.advance(now, 125_000, false, 100*ms)
		for p.next().IsZero() {
			p.sent(1000)
			sent += 1000
		}
		if !p.next().After(now) {
			t.Fatal("wants to be asked at once")
		}
		now = p.next()
	}
	if sent < 1_550_000 || sent > 1_580_000 {
		t.Errorf("%d bytes in a second", sent)
	}
}

func TestCubicComesBack(t *testing.T) {
	c := newCubic()
	now, rtt := start, 50*ms
	round := func() {
		now = now.Add(rtt)
		c.acked(now, progress{bytes: c.window(), inFlight: c.window(), rtt: rtt, packet: 1452, limited: true})
	}
	for range 7 {
		round()
	}
	top := c.window()
	if top != initialWindow<<7 || !c.starting() {
		t.Fatal(top)
	}
	c.lost(now)
	if w := c.window(); w < top*69/100 || w > top*71/100 || c.starting() {
		t.Error(w)
	}
	// K = cbrt(0.3 * 722 packets / 0.4) = 8.2 s.
	for now.Before(start.Add(8 * time.Second)) {
		round()
	}
	if w := c.window(); w < top*95/100 || w > top*102/100 {
		t.Errorf("%d after 8 s, %d before", w, top)
	}
	for now.Before(start.Add(20 * time.Second)) {
		round()
	}
	if w := c.window(); w < top*3/2 {
		t.Errorf("%d after 20 s", w)
	}
	c.timedOut()
	if c.window() != minWindow || !c.starting() {
		t.Error(c.window())
	}
	c.acked(now, progress{bytes: 1 << 20})
	if c.window() != minWindow {
		t.Error("grows without need")
	}
}

func TestWindowsAfterSilence(t *testing.T) {
	for _, c := range []controller{newCubic(), newLedbat()} {
		for range 5 {
			c.acked(start, progress{bytes: c.window(), inFlight: c.window(), packet: 1452, limited: true, rtt: 50 * ms})
		}
		if c.window() != initialWindow<<5 {
			t.Fatal(c.window())
		}
		c.idled(2)
		if c.window() != initialWindow<<3 {
			t.Error(c.window())
		}
		c.idled(1000)
		if c.window() != initialWindow || !c.starting() {
			t.Error(c.window())
		}
	}
}

func TestProbing(t *testing.T) {
	m := newMTU(netip.MustParseAddr("192.0.2.1"), Path{})
	carries, now := 1234, start
	sizes := []int{}
	for m.done.IsZero() {
		pad := m.padding(now)
		if pad == 0 {
			break
		}
		m.sent()
		if m.padding(now) != 0 {
			t.Fatal("two probes at once")
		}
		if sizes = append(sizes, m.size+pad); m.size+pad <= carries {
			m.probeAcked()
		} else {
			m.probeLost()
		}
	}
	if m.size > carries || m.size < carries-probeStep || sizes[0] != ethernet4 || len(sizes) > 20 {
		t.Errorf("found %d by %v", m.size, sizes)
	}
	if now = now.Add(probeAgain - 1); m.padding(now) != 0 {
		t.Error("probes again")
	}
	if now = now.Add(1); m.padding(now) == 0 {
		t.Error("never probes again")
	}
	if m := newMTU(netip.MustParseAddr("2001:db8::1"), Path{}); m.size != 1232 || m.high != 1452 {
		t.Errorf("%+v", m)
	}
	if m := newMTU(netip.MustParseAddr("192.0.2.1"), Path{MaxDatagram: 1 << 20}); m.high != maxDatagram {
		t.Errorf("%+v", m)
	}
}
