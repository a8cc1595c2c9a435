package dht

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/sim/events"
)

// world is the one clock, the one line of events and the network that all hosts share.
type world struct {
	plan Plan
	rng  *rand.Rand // of the network: delays and losses

	now     time.Duration // since the start
	events  events.Queue[event]
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

// event is something that will happen: a datagram arrives, or else do is called.
type event struct {
	do       func()
	to, from netip.AddrPort
	data     []byte
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
	for w.events.Len() > 0 && w.events.Next() <= until {
		var e event
		w.now, e = w.events.Pop()
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

func (w *world) at(t time.Duration, do func()) { w.events.Push(max(t, w.now), event{do: do}) }

func (w *world) after(d time.Duration, do func()) { w.at(w.now+d, do) }

// send puts a datagram on its way. The world keeps data.
func (w *world) send(from, to netip.AddrPort, data []byte) {
	if w.rng.Float64() < w.plan.Loss {
		return
	}
	delay := w.places.delay(from.Addr(), to.Addr())
	delay += time.Duration(w.rng.ExpFloat64() * float64(jitter))
	w.events.Push(w.now+delay, event{to: to, from: from, data: data})
}

// note adds a datagram that arrived to the trace.
func (w *world) note(e event) {
	b := binary.BigEndian.AppendUint64(w.scratch[:0], uint64(w.now))
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
