package bittorrent

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// meetPatience is how long TCP waits for an answer where there is another way, that by a relay. Who lets us in over TCP mostly answers
// the first SYN, or else the second, after a second.
const meetPatience = 2 * time.Second

// approach is how an address is come to.
type approach uint8

const (
	straight  approach = iota // over TCP, then over uTP, and so together with a relay that knows the address
	byRelay                   // over uTP, while a relay tells the address to come to us (BEP 55): it did not answer otherwise
	asInvited                 // over uTP, since a relay has told us both
)

// Meet connects over uTP to a peer that connects to us at the same time, because a third has told us both to (BEP 55). For the rest it
// is like Dial.
func (sh *Shell) Meet(ctx context.Context, o *Object, addr netip.AddrPort, try int) {
	sh.running.Go(func() { sh.guarded(func() { sh.dial(ctx, o, addr, try, asInvited) }) })
}

// approach is how an address that nobody has told to come is come to.
func (sh *Shell) approach(o *Object, addr netip.AddrPort, try int) approach {
	if try > 0 && sh.canMeet(o, addr) {
		return byRelay
	}
	return straight
}

func (sh *Shell) canMeet(o *Object, addr netip.AddrPort) bool {
	return sh.cfg.UTP != nil && o.Swarm.CanMeet(addr)
}

// transports are those of an approach, the likelier first.
func (a approach) transports(all []transport) []transport {
	if a == straight {
		return all
	}
	return []transport{overUTP}
}

// askRelay is called before an address is dialled over uTP. BEP 55: "each peer initiates a uTP connection to the other peer" - we do
// so while the relay is being asked, so that our router knows the address when its first packet comes. last is what came of TCP.
func (sh *Shell) askRelay(o *Object, a approach, addr netip.AddrPort, last error) {
	if a == byRelay || a == straight && errors.Is(last, errNobody) {
		o.Swarm.Meet(sh.cfg.Now(), addr)
	}
}

// knocking is how long a connection may take to be made.
func (sh *Shell) knocking(o *Object, by transport, addr netip.AddrPort) time.Duration {
	switch {
	case by == overUTP:
		return utpPatience
	case sh.canMeet(o, addr):
		return meetPatience
	}
	return dialPatience
}
