package dht

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// honest is a node as it is: the core, and a socket that is played.
type honest struct {
	w    *world
	addr netip.AddrPort
	core *core.Node
	wake time.Duration // when it is to be called again; 0: never
	gone bool
	ways map[netip.AddrPort]time.Duration // through its NAT, and when each was taken last; nil: it has none

	awaited []awaited  // what is looked at after every step
	counted []*counter // what it sends of what is counted
}

// awaited is something to be done once.
type awaited struct {
	done func() bool
	then func()
}

// counter counts queries for a key.
type counter struct {
	key    krpc.ID
	number *int
}

func newHonest(w *world, ip netip.Addr, rng *rand.Rand) *honest {
	h := &honest{w: w, addr: netip.AddrPortFrom(ip, basePort)}
	h.core = core.New(w.clock(), core.Config{Rand: rng, Families: krpc.IPv4, External: []netip.Addr{ip}})
	w.hosts[ip] = h
	return h
}

func (h *honest) receive(to, from netip.AddrPort, data []byte) {
	if to == h.addr && !h.gone && h.lets(from) {
		h.core.Receive(h.w.clock(), from, data)
		h.step()
	}
}

// wayOpen is how long a NAT lets answers in, as RFC 4787 recommends it.
const wayOpen = 5 * time.Minute

// lets reports whether a datagram from an address gets through the node's NAT.
func (h *honest) lets(from netip.AddrPort) bool {
	taken, ok := h.ways[from]
	return h.ways == nil || ok && h.w.now-taken < wayOpen
}

// step lets the core do what is due, sends what it wants sent, and plans when it is called again.
func (h *honest) step() {
	next := h.core.Advance(h.w.clock())
	for _, d := range h.core.Outbox() {
		for _, c := range h.counted {
			if bytes.Contains(d.Data, c.key[:]) {
				*c.number++
			}
		}
		if h.ways != nil {
			h.ways[d.To] = h.w.now
		}
		h.w.send(h.addr, d.To, d.Data)
	}
	h.look()
	h.sleep(next)
}

// look does what was waiting for something that is so now.
func (h *honest) look() {
	var now []func()
	h.awaited = slices.DeleteFunc(h.awaited, func(a awaited) bool {
		done := a.done()
		if done {
			now = append(now, a.then)
		}
		return done
	})
	for _, then := range now {
		then()
	}
}

// sleep plans the next step.
func (h *honest) sleep(until time.Time) {
	if until.IsZero() {
		return
	}
	at := max(until.Sub(start), h.w.now)
	if h.wake > h.w.now && h.wake <= at {
		return // it is called before, and will say so again
	}
	h.wake = at
	h.w.at(at, func() {
		if h.wake == at && !h.gone {
			h.wake = 0
			h.step()
		}
	})
}

// until calls then, once, as soon as done.
func (h *honest) until(done func() bool, then func()) {
	h.awaited = append(h.awaited, awaited{done, then})
	h.step()
}

// count adds the queries for a key that the node sends to a number, until it is told to stop.
func (h *honest) count(key krpc.ID, number *int) (stop func()) {
	counted := &counter{key, number}
	h.counted = append(h.counted, counted)
	return func() { h.counted = slices.DeleteFunc(h.counted, func(c *counter) bool { return c == counted }) }
}

// id is the node's ID.
func (h *honest) id() krpc.ID { return h.core.Stats(h.w.clock()).Sides[0].ID }

// node is the node as others know it.
func (h *honest) node() krpc.Node { return krpc.Node{ID: h.id(), Addr: h.addr} }
