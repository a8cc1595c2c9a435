// Package netxtest is a network in memory for tests: hosts with addresses, streams and datagrams between them, names, and
// links that delay, limit, lose and break. Nothing in it touches a real socket, and all waiting is on timers and
// conditions, so it runs in a testing/synctest bubble.
package netxtest

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Link is what the way from one host to another is like.
type Link struct {
	Delay     time.Duration // one way
	Bandwidth int64         // bytes per second in each direction of each connection, and of all datagrams; 0 is no limit
	Loss      float64       // share of datagrams lost; streams only see Delay
	// MaxDatagram is the largest UDP payload that passes whole; 0 is no bound.
	MaxDatagram int
	Cut         bool // nothing comes through; dials time out, streams stall until it is mended
}

// World is a set of hosts that can reach each other.
type World struct {
	mu    sync.Mutex
	rng   *rand.Rand
	hosts map[netip.Addr]*Host
	names map[string][]netip.Addr
	links map[linkKey]Link
	wires map[linkKey]*wire
	rest  Link
	// changed is closed and replaced whenever a link changes.
	changed chan struct{}
	streams map[*stream]struct{}
	groups  map[netip.AddrPort][]*member
	lans    int
}

type linkKey struct{ a, b *Host }

// NewWorld makes an empty world whose losses follow the seed.
func NewWorld(seed uint64) *World {
	return &World{
		rng:     rand.New(rand.NewPCG(seed, seed)),
		hosts:   map[netip.Addr]*Host{},
		names:   map[string][]netip.Addr{},
		links:   map[linkKey]Link{},
		wires:   map[linkKey]*wire{},
		changed: make(chan struct{}),
		streams: map[*stream]struct{}{},
		groups:  map[netip.AddrPort][]*member{},
	}
}

// Host makes a host with the given addresses. Every host has the loopback addresses besides.
func (w *World) Host(addrs ...string) *Host {
	h := &Host{world: w, tcp: map[netip.AddrPort]*listener{}, udp: map[netip.AddrPort]*udpConn{}, nextPort: firstPort}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range addrs {
		a := netip.MustParseAddr(s)
		h.addrs = append(h.addrs, a)
		w.hosts[a] = h
	}
	return h
}

// Name makes a host name resolve to the addresses; none makes it unknown again.
func (w *World) Name(name string, addrs ...string) {
	var list []netip.Addr
	for _, s := range addrs {
		list = append(list, netip.MustParseAddr(s))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[name] = list
}

// SetLink sets the link between two hosts, both ways; with two nil hosts that of all pairs that have none of their own.
func (w *World) SetLink(a, b *Host, l Link) {
	w.mu.Lock()
	if a == nil && b == nil {
		w.rest = l
	} else {
		w.links[linkKey{a, b}] = l
		w.links[linkKey{b, a}] = l
	}
	close(w.changed)
	w.changed = make(chan struct{})
	streams := make([]*stream, 0, len(w.streams))
	for s := range w.streams {
		streams = append(streams, s)
	}
	w.mu.Unlock()
	for _, s := range streams {
		s.wake()
	}
}

// link is the present state of the way from a to b.
func (w *World) link(a, b *Host) Link {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a == b {
		return Link{}
	}
	if l, ok := w.links[linkKey{a, b}]; ok {
		return l
	}
	return w.rest
}

func (w *World) lost(share float64) bool {
	if share <= 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.Float64() < share
}

// pass waits for a round trip between two hosts, however long the link is cut.
func (w *World) pass(ctx context.Context, a, b *Host) error {
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		l := w.link(a, b)
		if l.Cut {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if l.Delay == 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(2 * l.Delay)
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// Host is one machine. It implements [netx.Network].
type Host struct {
	world *World
	addrs []netip.Addr

	mu       sync.Mutex
	tcp      map[netip.AddrPort]*listener
	udp      map[netip.AddrPort]*udpConn
	nextPort uint16
	dials    []netip.AddrPort
	ways     map[netip.AddrPort]time.Time // behind a NAT, and when each was taken last; nil: there is none

	lan int // of the world; 0: alone

	gateways []netx.Gateway
}

var _ netx.Network = (*Host)(nil)

// Addr is the first address of the host.
func (h *Host) Addr() netip.Addr { return h.addrs[0] }

// Dials lists what DialTCP was asked for, in order.
func (h *Host) Dials() []netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]netip.AddrPort(nil), h.dials...)
}

// Addrs lists the addresses of the host. See [netx.Network].
func (h *Host) Addrs() ([]netip.Addr, error) {
	return append([]netip.Addr{loopback4, netip.IPv6Loopback()}, h.addrs...), nil
}

// Subnets takes each address to be in a network of the usual size: /24, or /64 for IPv6. See [netx.Network].
func (h *Host) Subnets() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, a := range h.addrs {
		bits := 24
		if a.Is6() {
			bits = 64
		}
		p, err := a.Prefix(bits)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// LookupHost resolves by the names of the world. See [netx.Network].
func (h *Host) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	h.world.mu.Lock()
	addrs := append([]netip.Addr(nil), h.world.names[host]...)
	h.world.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

// firstPort begins the range of ports that are picked.
const firstPort = 40000

var loopback4 = netip.MustParseAddr("127.0.0.1")

// route finds the host at an address as seen from h, and the address it is reached from.
func (h *Host) route(to netip.Addr) (*Host, netip.Addr, bool) {
	if to.IsLoopback() || to.IsUnspecified() {
		if to.Is4() {
			return h, loopback4, true
		}
		return h, netip.IPv6Loopback(), true
	}
	h.world.mu.Lock()
	peer, ok := h.world.hosts[to.WithZone("")]
	h.world.mu.Unlock()
	if peer == h {
		return h, to, true
	}
	for _, a := range h.addrs {
		if a.Is4() == to.Is4() {
			return peer, a, ok
		}
	}
	return nil, netip.Addr{}, false // no address of that family: no way at all
}

// owns reports whether the host may listen at an address.
func (h *Host) owns(a netip.Addr) bool {
	if a.IsUnspecified() || a.IsLoopback() {
		return true
	}
	for _, o := range h.addrs {
		if o == a.WithZone("") {
			return true
		}
	}
	return false
}

// port picks one that nobody on the host listens at. The caller holds h.mu.
func (h *Host) port() uint16 {
	for {
		if h.nextPort++; h.nextPort < firstPort {
			h.nextPort = firstPort
		}
		if !h.taken(h.nextPort) {
			return h.nextPort
		}
	}
}

func (h *Host) taken(port uint16) bool {
	for a := range h.tcp {
		if a.Port() == port {
			return true
		}
	}
	for a := range h.udp {
		if a.Port() == port {
			return true
		}
	}
	return false
}

// bound finds who listens at an address, directly or by a wildcard. The caller holds the host's lock.
func bound[T any](m map[netip.AddrPort]T, at netip.AddrPort) (T, bool) {
	tries := []netip.Addr{at.Addr(), netip.IPv6Unspecified()}
	if at.Addr().Is4() {
		tries = append(tries, netip.IPv4Unspecified())
	}
	for _, a := range tries {
		if v, ok := m[netip.AddrPortFrom(a, at.Port())]; ok {
			return v, true
		}
	}
	var none T
	return none, false
}
