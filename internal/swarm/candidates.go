package swarm

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// Origin says who told us of an address. A lower one is trusted more.
type Origin uint8

// The origins of addresses.
const (
	FromUser    Origin = iota // --peer: dialled for as long as it takes
	FromLink                  // x.pe: whoever made the link says so
	FromPeer                  // it connected to us and told where it listens
	FromTracker               // a hint
	FromPEX                   // another peer's hint (BEP 11)
	FromLAN                   // heard on the local network (BEP 14)
)

// candidates is the table of addresses that could be dialled. Every entry is idle, dialling or connected; an address that
// failed waits longer each time, and one that is only a hint is given up after maxTries: it is tried once an hour, and
// makes room for others when the table is full.
type candidates struct {
	rng     *rand.Rand
	port    uint16 // ours
	table   map[netip.AddrPort]*candidate
	bans    bans
	own     ownAddress
	dialing int
	quiet   time.Time // nobody can be dialled before; zero: not known
}

type candidate struct {
	origin Origin
	phase  phase
	fails  int
	rank   uint32    // the canonical priority, or a lot where our address is not known
	next   time.Time // not to be dialled before
	since  time.Time // when it was linked
	proven bool      // payload went to or fro: no mere hint, and tried again like an address that the link names
}

type phase uint8

const (
	idle phase = iota
	dialling
	linked
	ourselves // never to be dialled
)

const (
	maxCandidates = 4000
	maxTries      = 3
	maxLinkTries  = 12
	maxDialling   = 16 // of one object
)

const (
	// goodFor is how long a connection must have lasted to be held for a success.
	goodFor = time.Minute
	// provenFails is how many failures are held against an address that is proven once more.
	provenFails = 3
	// laterAgain is the wait after a connection that one side did not need.
	laterAgain = time.Minute
	// uselessFor is the wait after a connection between two that are complete.
	uselessFor = 10 * time.Minute
	// givenUp is the wait after the last of the tries.
	givenUp = time.Hour
)

func (c *candidates) init(rng *rand.Rand, port uint16) {
	c.rng, c.port = rng, port
	c.table = make(map[netip.AddrPort]*candidate)
	c.bans = make(bans)
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
	c.quiet = time.Time{}
	if old := c.table[addr]; old != nil {
		old.origin = min(old.origin, origin)
		return
	}
	if len(c.table) >= maxCandidates && origin != FromUser && !c.evict() {
		return
	}
	x := &candidate{origin: origin, rank: c.rng.Uint32()}
	if rank, known := c.own.rank(addr, c.port); known {
		x.rank = rank
	}
	c.table[addr] = x
}

// evict makes room by forgetting the hint that failed most often, if one failed.
func (c *candidates) evict() bool {
	var worst netip.AddrPort
	var most *candidate
	for a, x := range c.table {
		if x.phase != idle || x.fails == 0 || x.origin <= FromLink {
			continue
		}
		if most == nil || x.fails > most.fails || x.fails == most.fails && a.Compare(worst) < 0 {
			worst, most = a, x
		}
	}
	delete(c.table, worst)
	return most != nil
}

// hear takes a peer's word for our own address.
func (c *candidates) hear(own netip.Addr) {
	if !c.own.hear(own) {
		return
	}
	for a, x := range c.table {
		if rank, known := c.own.rank(a, c.port); known {
			x.rank = rank
		}
	}
}

// NextDial picks the next address to dial, if another connection is wanted, and says how often it was tried in vain. The
// shell must report how it went: by Join, or by DialFailed.
//
// Those the user named come first, then those that failed least, and among equals those of the highest canonical priority
// (BEP 40): "it may be beneficial for clients to take that into consideration when deciding which peers to connect to".
func (s *Swarm) NextDial(now time.Time) (addr netip.AddrPort, try int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.candidates
	if !s.moving() || c.dialing >= maxDialling || len(s.peers)+c.dialing >= s.cfg.MaxPeers || s.cfg.Seats.full() {
		return addr, 0, false
	}
	addr, x := c.best(now)
	if x == nil {
		return addr, 0, false
	}
	x.phase = dialling
	c.dialing++
	return addr, x.fails, true
}

func (c *candidates) best(now time.Time) (addr netip.AddrPort, best *candidate) {
	if now.Before(c.quiet) {
		return addr, nil
	}
	soonest := now.Add(givenUp)
	for a, x := range c.table {
		if x.phase != idle {
			continue
		}
		if due := later(x.next, c.bans.until(a.Addr())); due.After(now) {
			soonest = earlier(soonest, due)
			continue
		}
		if best == nil || x.before(best) || !best.before(x) && a.Compare(addr) < 0 {
			addr, best = a, x
		}
	}
	if best == nil {
		c.quiet = soonest
	}
	return addr, best
}

// before reports whether x is dialled before y when both are due.
func (x *candidate) before(y *candidate) bool {
	switch {
	case (x.origin == FromUser) != (y.origin == FromUser):
		return x.origin == FromUser
	case x.fails != y.fails:
		return x.fails < y.fails
	}
	return x.rank > y.rank
}

// DialFailed is told that no connection came of an address.
func (s *Swarm) DialFailed(now time.Time, addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// If it failed because Join refused it, that is noted already.
	if x := s.candidates.table[addr]; x != nil && x.phase == dialling {
		s.candidates.left(now, addr, errUnreachable)
		s.wake()
	}
}

func (c *candidates) connected(now time.Time, addr netip.AddrPort) {
	if x := c.table[addr]; x != nil {
		c.endDial(x)
		x.phase, x.since = linked, now
	}
}

func (c *candidates) endDial(x *candidate) {
	if x.phase == dialling {
		c.dialing--
	}
	x.phase = idle
	c.quiet = time.Time{}
}

// prove is told that payload went over a connection with an address: whoever gave us something is not to be lost by three
// broken connections.
func (c *candidates) prove(addr netip.AddrPort) {
	if x := c.table[addr]; x != nil {
		x.proven, x.fails = true, min(x.fails, provenFails)
	}
}

// left is told that a connection, or the attempt at one, is over.
func (c *candidates) left(now time.Time, addr netip.AddrPort, cause error) {
	x := c.table[addr]
	if x == nil || x.phase == ourselves {
		return
	}
	if x.phase == linked && now.Sub(x.since) >= goodFor {
		x.fails = 0
	}
	c.endDial(x)
	switch cause {
	case ErrSelf:
		x.phase = ourselves
	case ErrNotMoving, errStopped:
		x.next = now
	case ErrFull, ErrDuplicate:
		x.next = now.Add(laterAgain)
	case errUseless:
		x.next = now.Add(uselessFor)
	default:
		x.fails++
		x.next = now.Add(x.wait())
	}
}

// wait is how long an address that failed is left alone.
func (x *candidate) wait() time.Duration {
	wait := time.Second << min(x.fails, 6)
	switch {
	case x.origin == FromUser, (x.origin == FromLink || x.proven) && x.fails < maxLinkTries:
		return wait
	case x.fails >= maxTries:
		return givenUp
	}
	return 8 * wait
}

// listens notes where a peer that connected to us says it listens, so that it is dialled only when it has left. It returns
// the address to report to left then.
func (c *candidates) listens(now time.Time, addr netip.AddrPort, port uint16) netip.AddrPort {
	listen := netip.AddrPortFrom(addr.Addr().Unmap(), port)
	c.add(FromPeer, listen)
	if x := c.table[listen]; x == nil || x.phase != idle {
		return netip.AddrPort{}
	}
	c.connected(now, listen)
	return listen
}

// named reports whether the user named the address.
func (c *candidates) named(addr netip.AddrPort) bool {
	x := c.table[addr]
	return x != nil && x.origin == FromUser
}

func (c *candidates) known() int { return len(c.table) }
