package dht

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func seeded(seed uint64) *rand.Rand {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	return rand.New(rand.NewChaCha8(key))
}

// wire joins nodes in memory: datagrams take a while, some are lost, and time passes only as far as something is due.
type wire struct {
	t       *testing.T
	rng     *rand.Rand
	now     time.Time
	nodes   []*host
	at      map[netip.AddrPort]*host
	flying  []parcel
	loss    float64
	deliver func(parcel) bool // nil: all are delivered
}

// host is a node with its addresses.
type host struct {
	node  *Node
	addrs []netip.AddrPort
	next  time.Time
}

type parcel struct {
	from, to netip.AddrPort
	data     []byte
	at       time.Time
}

func newWire(t *testing.T, seed uint64) *wire {
	t.Logf("seed %d", seed)
	return &wire{t: t, rng: seeded(seed), now: epoch, at: make(map[netip.AddrPort]*host)}
}

// publicAddr is an address of the internet, each in a network of its own.
func publicAddr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i/200), byte(i % 200), byte(i * 7), 9}), uint16(6881+i%100))
}

func publicAddr6(i int) netip.AddrPort {
	a := netip.MustParseAddr("2a00::1").As16()
	a[2], a[3], a[5] = byte(i>>8), byte(i), byte(i*3)
	return netip.AddrPortFrom(netip.AddrFrom16(a), uint16(6881+i%100))
}

// join adds a node at some addresses.
func (w *wire) join(c Config, addrs ...netip.AddrPort) *host {
	c.Rand = seeded(uint64(1000 + len(w.nodes)))
	for _, a := range addrs {
		c.Families |= krpc.FamilyOf(a.Addr())
	}
	h := &host{node: New(w.now, c), addrs: addrs, next: w.now}
	w.nodes = append(w.nodes, h)
	for _, a := range addrs {
		w.at[a] = h
	}
	return h
}

// leave takes a node away without a word.
func (w *wire) leave(h *host) {
	w.nodes = slices.DeleteFunc(w.nodes, func(o *host) bool { return o == h })
	for _, a := range h.addrs {
		delete(w.at, a)
	}
}

// post sends what a node has to send.
func (w *wire) post(h *host) {
	h.next = h.node.Advance(w.now)
	for _, d := range h.node.Outbox() {
		from := h.addrs[slices.IndexFunc(h.addrs, func(a netip.AddrPort) bool { return a.Addr().Is4() == d.To.Addr().Is4() })]
		if w.rng.Float64() >= w.loss {
			delay := time.Duration(10+w.rng.IntN(90)) * time.Millisecond
			w.flying = append(w.flying, parcel{from, d.To, d.Data, w.now.Add(delay)})
		}
	}
}

// run lets time pass until done, or limit has passed.
func (w *wire) run(limit time.Duration, done func() bool) {
	w.t.Helper()
	end := w.now.Add(limit)
	for _, h := range w.nodes {
		w.post(h)
	}
	for done == nil || !done() {
		next := end
		for _, h := range w.nodes {
			next = sooner(next, h.next)
		}
		for _, p := range w.flying {
			next = sooner(next, p.at)
		}
		if !next.Before(end) {
			if w.now = end; done != nil {
				w.t.Fatalf("not done after %v", limit)
			}
			return
		}
		w.now = next
		slices.SortStableFunc(w.flying, func(a, b parcel) int { return a.at.Compare(b.at) })
		var landed []parcel
		for len(w.flying) > 0 && !w.flying[0].at.After(w.now) {
			landed = append(landed, w.flying[0])
			w.flying = w.flying[1:]
		}
		for _, p := range landed {
			if h := w.at[p.to]; h != nil && (w.deliver == nil || w.deliver(p)) {
				h.node.Receive(w.now, p.from, p.data)
				w.post(h)
			}
		}
		for _, h := range w.nodes {
			if !h.next.IsZero() && !h.next.After(w.now) {
				w.post(h)
				if !h.next.IsZero() && !h.next.After(w.now) {
					w.t.Fatalf("wants to be called again at once, at %v", h.next)
				}
			}
		}
	}
}

// swarmOf joins n nodes, each of which knows one that came before, and lets them find each other.
func swarmOf(t *testing.T, seed uint64, n int) *wire {
	w := newWire(t, seed)
	for i := range n {
		h := w.join(Config{External: []netip.Addr{publicAddr(i).Addr()}}, publicAddr(i))
		if i > 0 {
			h.node.Contact(w.now, publicAddr(w.rng.IntN(i)))
		}
	}
	w.run(2*time.Minute, nil)
	return w
}

func (w *wire) states() map[string]int {
	m := map[string]int{}
	for _, h := range w.nodes {
		for _, s := range h.node.Stats(w.now).Sides {
			m[fmt.Sprint(s.State)]++
		}
	}
	return m
}

// owners are the n hosts nearest to a key.
func (w *wire) owners(key krpc.ID, n int) []*host {
	list := slices.Clone(w.nodes)
	slices.SortFunc(list, func(a, b *host) int {
		return cmp.Or(krpc.Closer(key, a.node.sides[0].id, b.node.sides[0].id), 0)
	})
	return list[:min(n, len(list))]
}
