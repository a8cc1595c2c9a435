package swarm

import (
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// Origin says who told us of an address. A lower one is trusted more.
type Origin uint8

// The origins of addresses.
const (
	FromUser    Origin = iota // --peer, or x.pe in the link: dialled for as long as it takes
	FromPeer                  // it connected to us and told where it listens
	FromTracker               // a hint
)

// candidates is the table of addresses that could be dialled. Every entry is idle, dialling or connected; an address that
// failed waits longer each time, and one that is only a hint is forgotten after maxTries.
type candidates struct {
	rng     *rand.Rand
	table   map[netip.AddrPort]*candidate
	bans    map[netip.Addr]time.Time
	dialing int
}

type candidate struct {
	origin Origin
	phase  phase
	fails  int
	next   time.Time // not to be dialled before
}

type phase uint8

const (
	idle phase = iota
	dialling
	linked
)

const (
	maxCandidates = 4000
	maxBans       = 4000
	maxTries      = 3
	maxDialling   = 16 // of one object
)

func (c *candidates) init(rng *rand.Rand) {
	c.rng = rng
	c.table = make(map[netip.AddrPort]*candidate)
	c.bans = make(map[netip.Addr]time.Time)
}

// Found adds addresses to the table of those that could be dialled. The caller has checked that they may be.
func (s *Swarm) Found(origin Origin, addrs ...netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addrs {
		s.candidates.add(origin, a)
	}
	s.wake()
}

func (c *candidates) add(origin Origin, addr netip.AddrPort) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if old := c.table[addr]; old != nil {
		old.origin = min(old.origin, origin)
		return
	}
	if len(c.table) >= maxCandidates && origin != FromUser {
		return
	}
	c.table[addr] = &candidate{origin: origin}
}

// NextDial picks the next address to dial, if another connection is wanted, and says how often it was tried in vain. The
// shell must report how it went: by Join, or by DialFailed.
func (s *Swarm) NextDial(now time.Time) (addr netip.AddrPort, try int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.candidates
	if !s.moving() || c.dialing >= maxDialling || len(s.peers)+c.dialing >= s.cfg.MaxPeers {
		return addr, 0, false
	}
	var best []netip.AddrPort
	bestFails := 0
	for a, x := range c.table {
		switch {
		case x.phase != idle || x.next.After(now) || c.banned(now, a.Addr()):
			continue
		case len(best) > 0 && x.fails > bestFails:
			continue
		case len(best) > 0 && x.fails < bestFails:
			best = best[:0]
		}
		best, bestFails = append(best, a), x.fails
	}
	if len(best) == 0 {
		return addr, 0, false
	}
	// Sorted first, so that the choice depends on the random source alone and not on the map's order.
	slices.SortFunc(best, netip.AddrPort.Compare)
	addr = best[c.rng.IntN(len(best))]
	c.table[addr].phase = dialling
	c.dialing++
	return addr, bestFails, true
}

// DialFailed is told that no connection came of an address.
func (s *Swarm) DialFailed(now time.Time, addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.candidates.left(now, addr, true, errStopped)
	s.wake()
}

func (c *candidates) connected(now time.Time, addr netip.AddrPort, outgoing bool) {
	x := c.table[addr]
	if !outgoing || x == nil {
		return
	}
	c.endDial(x)
	x.phase, x.fails, x.next = linked, 0, now
}

func (c *candidates) endDial(x *candidate) {
	if x.phase == dialling {
		c.dialing--
	}
	x.phase = idle
}

// left is told that a connection, or the attempt at one, is over.
func (c *candidates) left(now time.Time, addr netip.AddrPort, outgoing bool, cause error) {
	x := c.table[addr]
	if !outgoing || x == nil {
		return
	}
	wasLinked := x.phase == linked
	c.endDial(x)
	x.fails++
	if wasLinked {
		x.fails = 1
	}
	wait := time.Second << min(x.fails, 6)
	switch {
	case cause == errUseless:
		wait = 10 * time.Minute
	case x.origin != FromUser:
		wait *= 8
		if x.fails >= maxTries {
			// Kept, so that hearing of it again does not start the count anew.
			wait = time.Hour
		}
	}
	x.next = now.Add(wait)
}

// reachable notes where a peer that connected to us says it listens.
func (c *candidates) reachable(addr netip.AddrPort, outgoing bool, port uint16) {
	if !outgoing && port != 0 {
		listen := netip.AddrPortFrom(addr.Addr(), port)
		c.add(FromPeer, listen)
	}
}

func (c *candidates) ban(addr netip.AddrPort) {
	if x := c.table[addr]; x != nil {
		c.endDial(x)
		x.phase = linked // ourselves: never dialled again
	}
}

func (c *candidates) banUntil(ip netip.Addr, until time.Time) {
	if len(c.bans) >= maxBans {
		clear(c.bans)
	}
	c.bans[ip] = until
}

func (c *candidates) banned(now time.Time, ip netip.Addr) bool {
	until, ok := c.bans[ip]
	return ok && now.Before(until)
}

func (c *candidates) known() int { return len(c.table) }

// Priority is BEP 40's canonical priority of a connection between two addresses: both ends compute the same number, so
// that a swarm in which everyone prefers the greater ones is well mixed.
func Priority(a, b netip.AddrPort) uint32 {
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	if x == y {
		// "If the IP addresses are the same, the port numbers... should be used instead."
		p := []uint16{min(a.Port(), b.Port()), max(a.Port(), b.Port())}
		return crc32.Checksum([]byte{byte(p[0] >> 8), byte(p[0]), byte(p[1] >> 8), byte(p[1])}, castagnoli)
	}
	xs, ys := masked(x, y), masked(y, x)
	if slices.Compare(xs, ys) > 0 {
		xs, ys = ys, xs
	}
	return crc32.Checksum(append(xs, ys...), castagnoli)
}

// masked blurs an address the more the farther it is from the other: "a mask of FF.FF.55.55" for IPv4, one group further
// when they share a /16, none when they share a /24; for IPv6 likewise from the 48th bit on.
func masked(addr, other netip.Addr) []byte {
	b, o := addr.AsSlice(), other.AsSlice()
	keep, step := 2, 1
	if addr.Is6() {
		keep, step = 6, 1
	}
	if len(b) == len(o) {
		for keep < len(b) && keep < 2*step+len(b)/2 && slices.Equal(b[:keep], o[:keep]) {
			keep += step
		}
	}
	for i := keep; i < len(b); i++ {
		b[i] &= 0x55
	}
	return b
}
