package dht

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"time"
)

// world is the one clock, the one line of events and the network that all hosts share.
type world struct {
	plan Plan
	rng  *rand.Rand // of the network: delays and losses

	now     time.Duration // since the start
	seq     uint64
	events  queue
	count   int
	trace   hash.Hash
	scratch []byte

	places places
	hosts  map[netip.Addr]host
	honest []*honest // those that are there
	gang   *gang
}

// A host is what has an address: an honest node, or one that is not.
type host interface {
	// receive takes a datagram that came to one of its ports.
	receive(to, from netip.AddrPort, data []byte)
}

// event is something that will happen: a datagram arrives, or else do is called. Those of one moment happen in the order they
// were planned.
type event struct {
	at       time.Duration // since the start
	seq      uint64
	do       func()
	to, from netip.AddrPort
	data     []byte
}

// queue is a heap of events, the next one in front.
type queue []event

func (q queue) before(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}

func (q *queue) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0 && h.before(i, (i-1)/2); i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

func (q *queue) pop() event {
	h := *q
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], event{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		next := 2*i + 1
		if next+1 < last && h.before(next+1, next) {
			next++
		}
		if next >= last || !h.before(next, i) {
			return first
		}
		h[i], h[next] = h[next], h[i]
		i = next
	}
}

func newWorld(p Plan) *world {
	w := &world{plan: p, rng: generator(p.Seed, 0), trace: sha256.New(), hosts: make(map[netip.Addr]host)}
	w.places = newPlaces(generator(p.Seed, 1))
	return w
}

// start is when every world begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is what the hosts take the time to be.
func (w *world) clock() time.Time { return start.Add(w.now) }

// play lets everything happen up to a moment.
func (w *world) play(until time.Duration) {
	for len(w.events) > 0 && w.events[0].at <= until {
		e := w.events.pop()
		w.now = e.at
		w.count++
		if e.do != nil {
			e.do()
		} else if h := w.hosts[e.to.Addr()]; h != nil {
			w.note(e)
			h.receive(e.to, e.from, e.data)
		}
	}
	w.now = until
}

func (w *world) at(t time.Duration, do func()) { w.plant(event{at: t, do: do}) }

func (w *world) after(d time.Duration, do func()) { w.at(w.now+d, do) }

func (w *world) plant(e event) {
	e.at = max(e.at, w.now)
	w.seq++
	e.seq = w.seq
	w.events.push(e)
}

// send puts a datagram on its way. The world keeps data.
func (w *world) send(from, to netip.AddrPort, data []byte) {
	if w.rng.Float64() < w.plan.Loss {
		return
	}
	delay := w.places.delay(from.Addr(), to.Addr())
	delay += time.Duration(w.rng.ExpFloat64() * float64(jitter))
	w.plant(event{at: w.now + delay, to: to, from: from, data: data})
}

// note adds a datagram that arrived to the trace.
func (w *world) note(e event) {
	b := binary.BigEndian.AppendUint64(w.scratch[:0], uint64(e.at))
	b = append(b, e.from.Addr().AsSlice()...)
	b = append(b, e.to.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, e.from.Port())
	b = binary.BigEndian.AppendUint16(b, e.to.Port())
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(e.data))
	w.trace.Write(b)
	w.scratch = b
}

// generator makes an independent source of randomness for one purpose of one seed.
func generator(seed uint64, purpose int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15*uint64(purpose+1)))
}
