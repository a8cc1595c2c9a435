package object

import (
	"net/netip"
	"sync"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/reach/vote"
)

// ownAddress is our address as the internet sees it: peers (BEP 10) and trackers (BEP 24) say it by the way, and one vote of
// all objects decides. A peer or tracker has one vote, of however many objects it is asked.
type ownAddress struct {
	mu  sync.Mutex
	box vote.Box
}

// HearOwn casts a vote about our address. A new outcome is told to all swarms.
func (rs *Rooms) HearOwn(voter, own netip.Addr) {
	rs.own.mu.Lock()
	changed := rs.own.box.Cast(rs.Now(), voter, own)
	rs.own.mu.Unlock()
	if !changed {
		return
	}
	for _, o := range rs.Books.All() {
		o.tellOwn()
	}
}

// tellOwn tells an object's swarm our addresses.
func (o *Object) tellOwn() {
	for _, a := range o.rooms.External() {
		o.Swarm.SetOwn(a)
	}
}

// External are our addresses as others see them, as far as they agree: at most one of IPv4 and one of IPv6.
func (rs *Rooms) External() (list []netip.Addr) {
	now := rs.Now()
	rs.own.mu.Lock()
	defer rs.own.mu.Unlock()
	for _, f := range []netx.Family{netx.IPv4, netx.IPv6} {
		if a, ok := rs.own.box.Address(now, f); ok {
			list = append(list, a)
		}
	}
	return list
}
